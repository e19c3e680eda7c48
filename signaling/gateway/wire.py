"""The WebSocket below a Socket.IO connection: one task reads, one writes, and each event is one task more.

aiohttp -> **wire** -> sockets

The library's own loop starts four tasks and two timers for a message; what it does is done here with one.  Events and
acknowledgements go to `taken`; what that leaves, and all that is no event, to the library.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import engineio
from aiohttp import WSMsgType, web

MESSAGE = str(engineio.packet.MESSAGE)

Taken = Callable[[str, str], bool]
"""A message of a transport; False leaves it to the library."""


class Wire:
    """One WebSocket, as the library's `websocket` driver: made for a request, then called with it."""

    def __init__(self, taken: Taken, handler: Callable[[Wire], Awaitable[None]], engine: Any) -> None:  # noqa: ANN401
        # Given to us.
        self._taken = taken
        self._upgrade = handler
        self._socket: Any = handler.__self__  # type: ignore[attr-defined]  # the library's; it has the queue
        self._engine = engine
        self._silence_s: float = engine.ping_interval + engine.ping_timeout
        # Ours.
        self._web = web.WebSocketResponse(max_msg_size=engine.max_http_buffer_size, compress=False)

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Serve the connection until it ends."""
        await self._web.prepare(environ["aiohttp.request"])
        if self._socket.connected:
            await self._upgrade(self)  # from long polling: the library knows how
        else:
            await self._serve()
        return self._web

    async def send(self, message: str | bytes) -> None:
        """Write a message."""
        if isinstance(message, bytes):
            await self._web.send_bytes(message)
        else:
            await self._web.send_str(message)

    async def wait(self) -> str | bytes:
        """The next message; raises OSError once the connection is over."""
        message = await self._web.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise OSError("the connection is over")
        data: str | bytes = message.data
        return data

    async def close(self) -> None:
        """Close the connection."""
        await self._web.close()

    async def _serve(self) -> None:
        socket = self._socket
        socket.connected = socket.upgraded = True
        writer = asyncio.get_running_loop().create_task(self._write())
        try:
            with suppress(OSError, TimeoutError, engineio.exceptions.SocketIsClosedError):
                while True:
                    async with asyncio.timeout(self._silence_s):
                        data = await self.wait()
                    await self._receive(data)
        finally:  # also when the server stops in the middle
            socket.queue.put_nowait(None)
            await writer
            await socket.close(wait=False, abort=True, reason=self._engine.reason.TRANSPORT_CLOSE)

    async def _receive(self, data: str | bytes) -> None:
        if isinstance(data, str) and data.startswith(MESSAGE) and self._taken(self._socket.sid, data[1:]):
            return
        with suppress(engineio.exceptions.UnknownPacketError, ValueError):
            make: Any = engineio.packet.Packet
            await self._socket.receive(make(encoded_packet=data))

    async def _write(self) -> None:
        """Write what is queued, until None is."""
        with suppress(ConnectionError):
            while (packet := await self._socket.queue.get()) is not None:
                self._socket.queue.task_done()
                await self.send(packet.encode())
        with suppress(ConnectionError):
            await self.close()
