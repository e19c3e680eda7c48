"""Devices over a plain WebSocket, at `/ws`.

aiohttp -> **websocket** -> devices

The first message is `{"token", "device"}`; after it frames go both ways, one JSON text message each.  There are no
acknowledgements here: answers come as frames.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

import msgspec
from aiohttp import WSMessage, WSMsgType, web

from common.log import FieldLog

from ..addresses import AddressOf
from ..config import SignalingConfig
from ..errors import NotLetIn
from ..qss.frames import RefusedCancel
from .devices import DeviceConnections
from .endings import Ending

PATH = "/ws"
PING_S = 25.0  # as on Socket.IO; a device that answers none is gone after one and a half of these
GOODBYE_S = 1.0  # between telling a device that it is over and cutting its transport
LAST_WORDS = 120  # bytes of a close frame's reason; RFC 6455 §5.5 allows 123

CLOSE_CODES = {
    "malformed": 4400,
    "unauthorized": 4401,
    "too_slow": 4408,
    "too_fast": 4429,
    "stopping": 1001,
    "internal": 1011,
}
"""Of refused connections, by reason; codes from 4000 are the application's (RFC 6455 §7.4.2)."""

log = FieldLog(__name__)


@dataclass(slots=True, eq=False)
class _Connection:
    """One WebSocket, and what waits to be written to it.

    A writer lives only while there is something to write: most connections are idle most of the time.
    """

    socket: web.WebSocketResponse
    transport: asyncio.Transport | None
    texts: deque[str] = field(default_factory=deque)
    writer: asyncio.Task[None] | None = None
    ending: Ending | None = None

    def put(self, text: str) -> None:
        """Write a message after those before it."""
        self.texts.append(text)
        self._work()

    def end(self, ending: Ending) -> None:
        """Close once what waits is written, or soon in any case."""
        if self.ending is None:
            self.ending = ending
            if self.transport is not None:
                asyncio.get_running_loop().call_later(GOODBYE_S, self.transport.abort)
            self._work()

    def _work(self) -> None:
        if self.writer is None and not self.socket.closed:
            self.writer = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> None:
        try:
            with suppress(ConnectionError):
                while self.texts:
                    await self.socket.send_str(self.texts.popleft())
                if self.ending is not None:
                    await _close(self.socket, self.ending.code, self.ending.reason)
        finally:
            self.writer = None


class WebSocketDevices:
    """The WebSocket connections of devices, by an id of ours.  Owns them; `close` ends all."""

    def __init__(self, config: SignalingConfig, devices: DeviceConnections, address_of: AddressOf) -> None:
        # Given to us.
        self._config = config
        self._devices = devices
        self._address_of = address_of
        # Ours.
        self._connections: dict[str, _Connection] = {}
        self._frames: set[asyncio.Task[None]] = set()

    def attach(self, app: web.Application) -> None:
        """Serve at `/ws`."""
        app.router.add_get(PATH, self._serve)

    async def close(self) -> None:
        """End all connections, and wait until their last frames are dealt with."""
        for connection in list(self._connections.values()):
            connection.end(Ending.STOPPING)
        writers = [one.writer for one in self._connections.values() if one.writer is not None]
        if writers or self._frames:
            await asyncio.wait([*writers, *self._frames], timeout=GOODBYE_S)

    # --- for the devices' connections (devices.Carrier) --------------------------------------------------------------

    def deliver(self, socket: str, text: str) -> None:
        """Send a frame."""
        if (connection := self._connections.get(socket)) is not None:
            connection.put(text)

    def unread(self, socket: str) -> int:
        """How many messages wait for the device."""
        connection = self._connections.get(socket)
        return len(connection.texts) if connection is not None else 0

    def alive(self, socket: str) -> bool:
        """Whether the connection is still there."""
        connection = self._connections.get(socket)
        return connection is not None and not connection.socket.closed

    def end(self, socket: str, ending: Ending) -> None:
        """End a connection."""
        if (connection := self._connections.get(socket)) is not None:
            connection.end(ending)

    # --- one connection ----------------------------------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(
            heartbeat=PING_S, timeout=GOODBYE_S, max_msg_size=self._config.frame_bytes, compress=False
        )
        await socket.prepare(request)
        name = f"ws-{secrets.token_hex(10)}"
        self._connections[name] = _Connection(socket, request.transport)
        try:
            await self._devices.connected(name, self, await self._hello(socket), self._address_of(request))
            await self._converse(name, socket)
        except NotLetIn as refusal:
            await _close(socket, CLOSE_CODES.get(refusal.reason, 1008), f"{refusal.reason}: {refusal.message}")
        except Exception:
            log.fault("connection_failed", socket=name)
            await _close(socket, CLOSE_CODES["internal"], "internal error")
        finally:
            await self._devices.disconnected(name)
            del self._connections[name]
        return socket

    async def _hello(self, socket: web.WebSocketResponse) -> object:
        """The first message, which says who connects."""
        try:
            message = await socket.receive(timeout=self._config.connect_within_s)
        except TimeoutError:
            raise NotLetIn("too_slow", "the first message has to be {token, device}") from None
        if message.type is not WSMsgType.TEXT:
            raise NotLetIn("malformed", "the first message has to be text")
        try:
            return msgspec.json.decode(message.data)
        except (ValueError, RecursionError) as error:
            raise NotLetIn("malformed", f"the first message is not JSON: {error}") from None

    async def _converse(self, name: str, socket: web.WebSocketResponse) -> None:
        """Take frames until the connection ends.  The next frame need not wait for an invitation's answer."""
        async for message in socket:
            if message.type is WSMsgType.ERROR:
                return  # too large, or no WebSocket frame at all: aiohttp has closed it with the code for that
            task: asyncio.Task[None] = asyncio.get_running_loop().create_task(self._frame(name, message))
            self._frames.add(task)
            task.add_done_callback(self._frames.discard)

    async def _frame(self, name: str, message: WSMessage) -> None:
        if message.type is not WSMsgType.TEXT:
            await self._devices.malformed(name, "frames are text")
            return
        answer = await self._devices.received(name, message.data)
        if isinstance(answer, RefusedCancel):  # which Socket.IO tells in the acknowledgement alone
            await self._devices.send(name, answer)


async def _close(socket: web.WebSocketResponse, code: int, reason: str) -> None:
    with suppress(ConnectionError):
        await socket.close(code=code, message=reason.encode()[:LAST_WORDS])
