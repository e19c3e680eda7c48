"""The WebSocket below a Socket.IO connection: one task reads, one writes, and each event is one task more.

aiohttp -> **wire** -> packets

The library's own loop starts four tasks and two timers for a message, and ends with a traceback at the first that it
cannot read; what it does is done here with one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import engineio
from aiohttp import WSMsgType, web

Receive = Callable[[Any, str | bytes], Awaitable[None]]
"""Takes a message of the library's socket."""

PROBE, PROBED = (f"{kind}probe" for kind in (engineio.packet.PING, engineio.packet.PONG))
UPGRADE = str(engineio.packet.UPGRADE)


class Wire:
    """One WebSocket, as the library's `websocket` driver: made for a request, then called with it."""

    def __init__(self, receive: Receive, handler: Callable[[Wire], Awaitable[None]], engine: Any) -> None:  # noqa: ANN401
        # Given to us.
        self._receive = receive
        self._socket: Any = handler.__self__  # type: ignore[attr-defined]  # the library's; it has the queue
        self._engine = engine
        self._silence_s: float = engine.ping_interval + engine.ping_timeout
        # Ours.
        self._web = web.WebSocketResponse(max_msg_size=engine.max_http_buffer_size, compress=False)

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Serve the connection until it ends."""
        await self._web.prepare(environ["aiohttp.request"])
        with suppress(OSError, TimeoutError):
            if not self._socket.connected or await self._took_over():
                await self._serve()
        with suppress(ConnectionError):
            await self._web.close()
        return self._web

    async def _took_over(self) -> bool:
        """Whether a peer of long polling goes on here; until he says so, nothing is sent to him by either way."""
        self._socket.upgrading = True
        try:
            if await self._next() != PROBE:
                return False
            await self._web.send_str(PROBED)
            make: Any = engineio.packet.Packet
            self._socket.queue.put_nowait(make(engineio.packet.NOOP))  # ends the request that waits for packets
            return await self._next() == UPGRADE and not self._socket.closed
        finally:
            self._socket.upgrading = False

    async def _next(self) -> str | bytes:
        """The next message; raises OSError once the connection is over, TimeoutError when it is silent for too long."""
        async with asyncio.timeout(self._silence_s):
            message = await self._web.receive()
        if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
            raise OSError("the connection is over")
        data: str | bytes = message.data
        return data

    async def _serve(self) -> None:
        socket = self._socket
        socket.connected = socket.upgraded = True
        writer = asyncio.get_running_loop().create_task(self._write())
        try:
            with suppress(engineio.exceptions.SocketIsClosedError):
                while True:
                    await self._receive(socket, await self._next())
        finally:  # also when the server stops in the middle
            socket.queue.put_nowait(None)
            await writer
            await socket.close(wait=False, abort=True, reason=self._engine.reason.TRANSPORT_CLOSE)

    async def _write(self) -> None:
        """Write what is queued, until None is."""
        with suppress(ConnectionError):
            while (packet := await self._socket.queue.get()) is not None:
                self._socket.queue.task_done()
                await self._web.send_str(packet.encode())
        with suppress(ConnectionError):
            await self._web.close()
