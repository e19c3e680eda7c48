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
FEW = 16  # parts of the time that a peer may be silent: its timer is moved no more often


class Wire:
    """One WebSocket, as the library's `websocket` driver: made for a request, then called with it."""

    def __init__(self, receive: Receive, handler: Callable[[Wire], Awaitable[None]], engine: Any) -> None:  # noqa: ANN401
        # Given to us.
        self._receive = receive
        self._socket: Any = handler.__self__  # type: ignore[attr-defined]  # the library's; it has the queue
        self._engine = engine
        self._silence_s: float = engine.ping_interval + engine.ping_timeout
        self._request: web.Request
        # Ours.
        self._web = web.WebSocketResponse(max_msg_size=engine.max_http_buffer_size, compress=False)

    async def __call__(self, environ: dict[str, Any]) -> web.WebSocketResponse:
        """Serve the connection until it ends."""
        self._request = environ["aiohttp.request"]
        await self._web.prepare(self._request)
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
            async with asyncio.timeout(self._silence_s):
                if await self._next() != PROBE:
                    return False
                await self._web.send_str(PROBED)
                make: Any = engineio.packet.Packet
                self._socket.queue.put_nowait(make(engineio.packet.NOOP))  # ends the request that waits for packets
                return await self._next() == UPGRADE and not self._socket.closed
        finally:
            self._socket.upgrading = False

    async def _next(self) -> str | bytes:
        """The next message; raises OSError once the connection is over."""
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
                await self._read()
        finally:  # also when the server stops in the middle
            socket.queue.put_nowait(None)
            await writer
            await socket.close(wait=False, abort=True, reason=self._engine.reason.TRANSPORT_CLOSE)

    async def _read(self) -> None:
        """Take messages until the connection is over, or silent for too long: that raises TimeoutError."""
        now = asyncio.get_running_loop().time
        async with asyncio.timeout(self._silence_s) as silence:
            while True:
                await self._receive(self._socket, await self._next())
                until = now() + self._silence_s
                if until - (silence.when() or 0.0) > self._silence_s / FEW:
                    silence.reschedule(until)

    async def _write(self) -> None:
        """Write what is queued, until None is: what waits together goes out together."""
        with suppress(ConnectionError):
            while packets := self._with_those_behind(await self._socket.queue.get()):
                await self._send([packet.encode() for packet in packets])
        with suppress(ConnectionError):
            await self._web.close()

    def _with_those_behind(self, first: Any) -> list[Any]:  # noqa: ANN401 - the library has no types
        """A packet of the queue and what waits behind it, up to None."""
        queue, packets = self._socket.queue, []
        while first is not None:
            packets.append(first)
            queue.task_done()
            if queue.empty():
                return packets
            first = queue.get_nowait()
        if packets:
            queue.put_nowait(None)
        return packets

    async def _send(self, texts: list[str]) -> None:
        """Write one message each, all by one call of the system; waits for a peer that does not read."""
        if len(texts) == 1:
            await self._web.send_str(texts[0])
            return
        transport = self._request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        transport.write(b"".join(map(_message, texts)))
        await self._request.writer.drain()


def _message(text: str) -> bytes:
    """An unmasked text message in one frame (RFC 6455 §5.2)."""
    data = text.encode()
    if len(data) < 126:
        return b"\x81" + len(data).to_bytes(1) + data
    if len(data) < 1 << 16:
        return b"\x81\x7e" + len(data).to_bytes(2) + data
    return b"\x81\x7f" + len(data).to_bytes(8) + data
