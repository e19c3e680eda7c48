"""Socket.IO packet by packet: a peer that sends just what a test says, over a WebSocket, long polling, or both."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp

from tests.support.signaling import Server

Way = Literal["websocket", "polling", "upgraded"]
WAYS: tuple[Way, ...] = ("websocket", "polling", "upgraded")

SEPARATOR = "\x1e"
NOOP = "6"  # ends a request that waits for packets
PATH = "/socket.io/?EIO=4"


@dataclass
class Peer:
    """One transport, and the packets that came over it; PINGs of the server are not answered."""

    http: aiohttp.ClientSession
    sid: str = ""
    socket: aiohttp.ClientWebSocketResponse | None = None
    waiting: list[str] = field(default_factory=list)

    async def send(self, packet: str | bytes) -> None:
        """Send a packet; over a connection that is gone it goes nowhere."""
        if self.socket is None:
            await self.post(packet)
            return
        with suppress(ConnectionError):
            await (self.socket.send_bytes(packet) if isinstance(packet, bytes) else self.socket.send_str(packet))

    async def post(self, body: str | bytes) -> int:
        """Post a body; gives the status."""
        async with self.http.post(self._polling, data=body) as answer:
            return answer.status

    async def packet(self) -> str | None:
        """The next packet; None once the connection is over."""
        async with asyncio.timeout(5):
            while self.socket is not None:
                message = await self.socket.receive()
                if message.data != NOOP:
                    return message.data if message.type is aiohttp.WSMsgType.TEXT else None
            while not self.waiting:
                async with self.http.get(self._polling) as answer:
                    if answer.status != 200:
                        return None
                    self.waiting = [packet for packet in (await answer.text()).split(SEPARATOR) if packet]
        return self.waiting.pop(0)

    async def frame(self) -> dict[str, Any] | None:
        """The next frame; None once the connection is over."""
        while (packet := await self.packet()) is not None:
            if packet.startswith('42["message",'):
                frame: dict[str, Any] = json.loads(packet[2:])[1]
                return frame
        return None

    async def sign_in(self, server: Server, name: str) -> None:
        """Connect as a device of a user."""
        auth = {"token": server.token(await server.user(name)), "device": {"id": "raw"}}
        await self.send("40" + json.dumps(auth))
        ready = await self.frame()
        assert ready is not None
        assert ready["payload"]["eventName"] == "ready", ready

    async def upgrade(self) -> None:
        """Go from long polling to WebSocket, as Engine.IO says."""
        socket = await self.http.ws_connect(f"{PATH}&transport=websocket&sid={self.sid}")
        await socket.send_str("2probe")
        assert (await socket.receive()).data == "3probe"
        await socket.send_str("5")
        self.socket = socket

    @property
    def _polling(self) -> str:
        return f"{PATH}&transport=polling&sid={self.sid}"


@asynccontextmanager
async def peer(server: Server, way: Way) -> AsyncIterator[Peer]:
    """A transport that is open and has not signed in."""
    async with aiohttp.ClientSession(server.url) as http:
        made = Peer(http)
        if way == "websocket":
            made.socket = await http.ws_connect(f"{PATH}&transport=websocket")
            opened = await made.packet()
        else:
            async with http.get(f"{PATH}&transport=polling") as answer:
                opened = await answer.text()
        assert opened is not None
        made.sid = json.loads(opened[1:])["sid"]
        if way == "upgraded":
            await made.upgrade()
        try:
            yield made
        finally:
            if made.socket is not None:
                await made.socket.close()
