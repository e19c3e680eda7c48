"""How fast a device may send: a token bucket, with time passed in."""

from __future__ import annotations

from ..qss.identifiers import Instant


class TokenBucket:
    """Holds at most `burst` tokens, refilled at `rate_per_s`; each frame takes one."""

    def __init__(self, rate_per_s: float, burst: float, now: Instant) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._tokens = burst
        self._filled_at = now

    def take(self, now: Instant) -> bool:
        """Take a token; False if there is none."""
        refill = (now - self._filled_at) * self._rate_per_s
        self._tokens = min(self._burst, self._tokens + refill)
        self._filled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
