"""How fast something may happen: a token bucket, with the time passed in."""

from __future__ import annotations


class TokenBucket:
    """Lets `burst` through at once and `rate_per_s` in the long run.  A clock that steps back gives nothing away."""

    __slots__ = ("_burst", "_filled_at", "_rate_per_s", "_tokens")

    def __init__(self, *, rate_per_s: float, burst: float, now: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = float(burst)
        self._tokens = self._burst
        self._filled_at = now

    def take(self, now: float) -> bool:
        """Take a token; False if there is none.  `now` in seconds."""
        self._fill(now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True

    def has(self, now: float) -> bool:
        """Whether there is a token to take."""
        self._fill(now)
        return self._tokens >= 1.0

    def full(self, now: float) -> bool:
        """Whether nothing of it is used: one made anew would let as much through."""
        self._fill(now)
        return self._tokens >= self._burst

    def _fill(self, now: float) -> None:
        elapsed = now - self._filled_at
        if elapsed > 0:
            self._tokens = min(self._burst, self._tokens + elapsed * self._rate_per_s)
            self._filled_at = now
