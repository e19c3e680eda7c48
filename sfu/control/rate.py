"""How often one client may ask: a token bucket that takes the time as an argument."""


class Bucket:
    """Lets `burst` through at once and `rate` a second in the long run."""

    def __init__(self, *, rate: float, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._filled = now

    def take(self, now: float) -> bool:
        """Whether one more is within the limits; `now` is in seconds."""
        elapsed = max(0.0, now - self._filled)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._filled = max(self._filled, now)
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
