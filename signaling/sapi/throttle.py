"""Who has to wait: guessing passwords gets slower with every failure, and nobody asks faster than his rate.

Pure: time is passed in.  Both tables are bounded; whoever was seen longest ago is forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass

from ..errors import TooFast

KEPT = 20_000  # names or addresses remembered; some 3 MB
FORGOTTEN_AFTER_S = 900.0  # without a failure, a name or address starts anew


@dataclass(slots=True)
class _Failures:
    count: int = 0
    last_at: float = 0.0


class Throttle:
    """After `free` failures in a row, each further one doubles the wait from 1 s up to `longest_s`."""

    def __init__(self, *, free: int, longest_s: float) -> None:
        self._free = free
        self._longest_s = longest_s
        self._failures: OrderedDict[Hashable, _Failures] = OrderedDict()

    def wait_s(self, key: Hashable, now: float) -> float:
        """How long until it may be tried again; 0 means now."""
        found = self._failures.get(key)
        if found is None or found.count < self._free:
            return 0.0
        pause = min(self._longest_s, 2.0 ** min(found.count - self._free, 30))
        return max(0.0, found.last_at + pause - now)

    def begin(self, key: Hashable, now: float) -> None:
        """A try begins, and is a failure until `succeeded`: tries at the same moment are counted as well."""
        found = self._failures.setdefault(key, _Failures())
        if now - found.last_at > FORGOTTEN_AFTER_S:
            found.count = 0
        found.count, found.last_at = found.count + 1, now
        self._failures.move_to_end(key)
        while len(self._failures) > KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, key: Hashable, *, forget: bool) -> None:
        """The try was right.  `forget` clears what was before; else only this try is taken back."""
        found = self._failures.get(key)
        if forget or found is None or found.count <= 1:
            self._failures.pop(key, None)
        else:
            found.count -= 1


class SignInThrottle:
    """Tries to sign in, by user name and by address.

    A right password clears the failures of its name, but not those of its address: an account of one's own is no
    licence to guess the others'.
    """

    def __init__(self) -> None:
        self._names = Throttle(free=5, longest_s=60.0)  # short: whoever guesses must not lock the user out for long
        self._addresses = Throttle(free=50, longest_s=300.0)  # many people may share one address

    def begin(self, name: str, address: str, now: float) -> None:
        """A try begins; raises TooFast."""
        wait_s = max(self._names.wait_s(name, now), self._addresses.wait_s(address, now))
        if wait_s > 0:
            raise TooFast("too many failed sign-ins; wait before the next", retry_after_s=wait_s)
        self._names.begin(name, now)
        self._addresses.begin(address, now)

    def succeeded(self, name: str, address: str) -> None:
        """The password was right."""
        self._names.succeeded(name, forget=True)
        self._addresses.succeeded(address, forget=False)


class Pace:
    """Requests by address: `burst` at once, refilled at `rate_per_s`."""

    def __init__(self, rate_per_s: float, burst: float) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> None:
        """One request; raises TooFast."""
        left, seen_at = self._left.get(address, (self._burst, now))
        left = min(self._burst, left + (now - seen_at) * self._rate_per_s)
        if left < 1:
            raise TooFast(retry_after_s=(1 - left) / self._rate_per_s)
        self._left[address] = (left - 1, now)
        self._left.move_to_end(address)
        while len(self._left) > KEPT:
            self._left.popitem(last=False)
