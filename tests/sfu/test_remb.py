"""aiortc has no transport-wide feedback: what it is sent follows its REMB, over real sockets in real time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.network.impairment import Impairment
from tests.support.network.profiles import both_ways
from tests.support.network.relay import Relay, relaying
from tests.support.network.sdp import through
from tests.support.node import Deployment, running_node, token
from tests.support.system import console, stop

pytestmark = pytest.mark.e2e

NARROW = both_ways("narrow", Impairment(delay_ms=10), "Chosen between the two upper layers.").with_down(400)
MIDDLE = 1
FOR_S = 3.0
WITHIN_S = 90.0
"""It grows by 15 % a second, and a second attempt begins 4 s after the first."""


class Behind(Media):
    """A client behind a link."""

    def __init__(self, relay: Relay, *, publish: tuple[str, ...] = ()) -> None:
        super().__init__(publish=publish, seats=1)
        self._relay = relay

    async def apply(self, answer: str) -> None:
        await super().apply(through(answer, self._relay.address))


async def publisher(node: Deployment, room: str, folder: Path) -> asyncio.subprocess.Process:
    """Three layers of about 100, 270 and 800 kbit/s, until it is stopped."""
    bearer = folder / "bearer"
    bearer.write_text(token("studio"))
    to = ("--bearer", str(bearer), f"--whip={node.url}/whip/{room}")
    one = ("--publishers", "1", "--receivers", "0", "--simulcast", "--kbps", "800", "--duration", "120")
    return await console("load", *to, *one, XDG_CACHE_HOME=str(folder))


class Shown:
    """Which layer the one viewer of a node is shown, and since when."""

    def __init__(self, node: Deployment) -> None:
        self._node = node
        self._clock = asyncio.get_running_loop().time
        self._layer: int | None = None
        self._since = self._clock()

    def has_been(self, layer: int, for_s: float) -> bool:
        """Whether it has been this one for so long; to be asked again and again."""
        now = next(self._pictures(), None)
        if now != self._layer:
            self._layer, self._since = now, self._clock()
        return now == layer and self._clock() - self._since >= for_s

    def _pictures(self) -> Iterator[int | None]:
        senders = (sender for peer in self._node.process.core.stats() for sender in peer.senders)
        return (sender.layer for sender in senders if sender.mid == "1")


async def test_a_viewer_behind_a_narrow_link_is_sent_the_layer_that_fits(tmp_path: Path) -> None:
    async with running_node() as node:
        room = await node.room("studio", "bob")
        studio = await publisher(node, room, tmp_path)
        try:
            with relaying(("127.0.0.1", node.process.udp_ports[0]), NARROW) as relay:
                bob = await SocketIoClient(node, Behind(relay)).join(room, "bob")
                mids = await bob.shown("studio")
                assert mids == {"audio": "0", "video": "1"}
                shown = Shown(node)
                await until(lambda: shown.has_been(MIDDLE, FOR_S), "the middle layer is shown", WITHIN_S)
                dropped = relay.access.down.passed.dropped
                await bob.media.sees(mids["video"], 30)
                assert relay.access.down.passed.dropped == dropped
                await bob.close()
        finally:
            await stop(studio)
