"""One client's way to a node, in real time: a UDP relay that the client is sent to.

client -> front port -> line up -> back port (one for each address of the client) -> node, and the same way back down

The client takes the relay's address for the node's (`sdp.py`, `browser.py`).  Towards the node each address that the
client sends from has a port of its own, so that the node tells them apart as it would without us.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.support.network.line import Line
from tests.support.network.port import Port
from tests.support.network.profiles import Profile
from tests.support.network.sdp import Address

MOST_SOURCES: Final = 64
"""Addresses that one client sends from; a browser has one an interface and connection."""


class Access:
    """Both lines of one client's link."""

    def __init__(self, profile: Profile, seed: int) -> None:
        self.up = Line(profile.up, 2 * seed)
        self.down = Line(profile.down, 2 * seed + 1)

    def become(self, profile: Profile) -> None:
        """Another link from now on."""
        self.up.become(profile.up)
        self.down.become(profile.down)

    @property
    def overflow(self) -> int:
        """Datagrams that the emulator itself had no room for: there should be none."""
        return self.up.overflow + self.down.overflow

    def close(self) -> None:
        """Forget what is under way; again is harmless."""
        self.up.close()
        self.down.close()


class Relay:
    """One impaired client's.  Owns its lines and ports; `close` ends them."""

    def __init__(self, node: Address, profile: Profile, *, seed: int = 0) -> None:
        self._node = node
        self.access = Access(profile, seed)
        self._front = Port(self._from_client)
        self._backs: dict[Address, Port] = {}
        self.strangers = 0
        """Datagrams from more addresses than we serve."""

    @property
    def address(self) -> Address:
        """Where the client sends to."""
        return self._front.address

    @property
    def seen_as(self) -> frozenset[Address]:
        """The addresses at which the node sees the client."""
        return frozenset(port.address for port in self._backs.values())

    def become(self, profile: Profile) -> None:
        """Another link from now on."""
        self.access.become(profile)

    def close(self) -> None:
        """Close everything; again is harmless."""
        self.access.close()
        for port in (self._front, *self._backs.values()):
            port.close()

    def _from_client(self, datagram: bytes, client: Address) -> None:
        back = self._backs.get(client)
        if back is None:
            if len(self._backs) >= MOST_SOURCES:
                self.strangers += 1
                return
            back = self._backs[client] = self._open_back(client)
        self.access.up.send(datagram, back.send)

    def _open_back(self, client: Address) -> Port:
        def to_client(datagram: bytes) -> None:
            self._front.send(datagram, client)

        return Port(lambda datagram, _node: self.access.down.send(datagram, to_client), self._node)


@contextmanager
def relaying(node: Address, profile: Profile, *, seed: int = 0) -> Iterator[Relay]:
    """A relay, closed after."""
    relay = Relay(node, profile, seed=seed)
    try:
        yield relay
    finally:
        relay.close()
