"""The way between two clients who call each other directly: each behind its own link, as before a node.

first client -> its line up -> the other's line down -> second client, and the same way back

Each takes a port of ours for the other (`sdp.py`, `browser.py`).  Where a client is, is learned from what it sends:
both begin with connectivity checks, which are repeated until they are answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.network.port import Port
from tests.support.network.profiles import Profile
from tests.support.network.relay import Access
from tests.support.network.sdp import Address


class Side:
    """One client's end: its link, and the port that it sends to.  Owns both; `close` ends them."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.access = Access(profile, seed)
        self.other: Side | None = None
        self._client: Address | None = None
        self._port = Port(self._from_client)

    @property
    def address(self) -> Address:
        """Where this client sends to: it takes that for the other one."""
        return self._port.address

    def become(self, profile: Profile) -> None:
        """Another link of this client from now on."""
        self.access.become(profile)

    def arrive(self, datagram: bytes) -> None:
        """Out of the other's uplink and into our downlink."""
        self.access.down.send(datagram, self._to_client)

    def close(self) -> None:
        """Close the port and forget what is under way; again is harmless."""
        self.access.close()
        self._port.close()

    def _from_client(self, datagram: bytes, client: Address) -> None:
        """From our client; the last address that it sent from is where it is."""
        self._client = client
        if self.other is not None:
            self.access.up.send(datagram, self.other.arrive)

    def _to_client(self, datagram: bytes) -> None:
        if self._client is not None:
            self._port.send(datagram, self._client)


@contextmanager
def crossing(first: Profile, second: Profile, *, seed: int = 0) -> Iterator[tuple[Side, Side]]:
    """The ends of two clients, closed after."""
    sides = Side(first, 2 * seed), Side(second, 2 * seed + 1)
    sides[0].other, sides[1].other = sides[1], sides[0]
    try:
        yield sides
    finally:
        for side in sides:
            side.close()
