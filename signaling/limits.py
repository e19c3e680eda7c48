"""How much one user or address may ask of a process, however many devices and connections it has.

gateway, ringing -> **limits**

Pure: time is passed in, and the tables are bounded.  Each process counts for itself: of several, a user has as many
shares as it is connected to.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from common.rate import Buckets

from .errors import TooFast
from .qss.identifiers import UserId
from .rates import Rates


class RingLimits:
    """How often a user may ring others.

    A ring lasts `ring_timeout_s` at most, so that the rate also bounds how many of a user go on at once.
    """

    def __init__(self, rates: Rates) -> None:
        self._by_inviter = Buckets[UserId](rate_per_s=rates.rings_per_min / 60, burst=rates.rings_burst)
        self._by_pair = Buckets[tuple[UserId, UserId]](
            rate_per_s=rates.rings_of_one_per_min / 60, burst=rates.rings_of_one_burst
        )

    def take(self, inviter: UserId, invitees: Iterable[UserId], now: float) -> None:
        """A user rings others, as one invitation; raises TooFast."""
        if not self._by_inviter.take(inviter, now):
            raise TooFast("too many invitations")
        for invitee in invitees:
            if not self._by_pair.take((inviter, invitee), now):
                raise TooFast("too many invitations of this user")


class Limits:
    """How fast connections of an address may be opened, tokens be guessed from it, and frames of a user come."""

    def __init__(self, rates: Rates) -> None:
        self._connections = Buckets[str](rate_per_s=rates.connects_per_s, burst=rates.connects_burst)
        self._failures = Buckets[str](rate_per_s=rates.refusals_per_min / 60, burst=rates.refusals_burst)
        self._frames = Buckets[UserId](rate_per_s=rates.user_frames_per_s, burst=rates.user_frames_burst)

    def may_connect(self, address: str, now: float) -> bool:
        """A connection is about to be opened; False if its address has opened too many, or failed too often."""
        key = network_of(address)
        return self._failures.has(key, now) and self._connections.take(key, now)

    def may_sign_in(self, address: str, now: float) -> bool:
        """Whether the address may still try a token."""
        return self._failures.has(network_of(address), now)

    def failed(self, address: str, now: float) -> None:
        """A token was wrong."""
        self._failures.take(network_of(address), now)

    def may_send(self, user: UserId, now: float) -> bool:
        """A device of the user sends a frame; False if the user's devices send too many together."""
        return self._frames.take(user, now)


def network_of(address: str) -> str:
    """What counts as one address: with IPv6 a /64, which is what one customer gets (RFC 6177)."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)
