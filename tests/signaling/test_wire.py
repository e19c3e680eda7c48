"""What leaves a Socket.IO connection over WebSocket: several messages at once, of every size, and in their order."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import socketio
from aiohttp import web

from signaling.gateway.sockets import Sockets
from tests.support.signaling import settings

AROUND = len('42["sized",""]')
SIZES = (0, 1, *(edge - AROUND + by for edge in (125, 65_535) for by in (-1, 0, 1)), 70_000, 3)
"""Where a frame's header grows, and some on either side."""


class Burst:
    """A namespace that answers any event with messages of all sizes, without a pause between them."""

    takes_text = False

    def __init__(self, sockets: Sockets) -> None:
        self._sockets = sockets

    async def connected(self, sid: str, auth: object) -> None:
        """Everybody."""
        self._sockets.welcome(sid, "/")

    async def disconnected(self, sid: str) -> None:
        """No matter."""

    async def malformed(self, sid: str, problem: str) -> None:
        """No matter."""

    async def happened(self, sid: str, event: str, data: object) -> object:
        """All sizes."""
        for size in SIZES:
            self._sockets.emit("sized", '"' + "x" * size + '"', to=sid, namespace="/")
        return len(SIZES)


@pytest.mark.parametrize("transport", ["websocket", "polling"])
async def test_messages_that_leave_together_arrive_whole_and_in_order(tmp_path: Path, transport: str) -> None:
    sockets, app = Sockets(settings(tmp_path)), web.Application()
    sockets.serve("/", Burst(sockets))
    sockets.attach(app)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    make: Any = socketio.AsyncClient
    client, came = make(reconnection=False), list[str]()
    client.on("sized", came.append)
    try:
        await client.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", transports=[transport])
        async with asyncio.timeout(5):
            assert await client.call("all sizes") == len(SIZES)
            assert came == ["x" * size for size in SIZES]
    finally:
        await client.disconnect()
        await sockets.close()
        await runner.cleanup()
