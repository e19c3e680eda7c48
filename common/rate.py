"""How fast something may happen: token buckets, with the time passed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

KEPT = 20_000  # keys of one table; some 5 MB

K = TypeVar("K", bound=Hashable)


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


class Buckets(Generic[K]):
    """A token bucket for each key.  Bounded: beyond `kept` keys the one used longest ago is forgotten, and starts full.

    Whoever has more keys than that (addresses, say) had as many full buckets to begin with.
    """

    def __init__(self, *, rate_per_s: float, burst: float, kept: int = KEPT) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._kept = kept
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()

    def take(self, key: K, now: float) -> bool:
        """Take a token of a key; False if there is none."""
        return self._of(key, now).take(now)

    def has(self, key: K, now: float) -> bool:
        """Whether a key has a token to take."""
        found = self._buckets.get(key)
        return found is None or found.has(now)

    def __len__(self) -> int:
        return len(self._buckets)

    def _of(self, key: K, now: float) -> TokenBucket:
        found = self._buckets.get(key)
        if found is None:
            found = self._buckets[key] = TokenBucket(rate_per_s=self._rate_per_s, burst=self._burst, now=now)
            if len(self._buckets) > self._kept:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return found
