"""Socket.IO, behind the few typed calls that we use; what touches python-socketio is here and below.

aiohttp -> wire, polling -> packets -> **sockets** -> socketio (devices, namespace `/`), nodes (namespace `/nodes`)

A namespace is one coroutine that gets every event: "connect" and "disconnect" from the library, whatever else from the
peer.  A peer may send events of these two names as well; they are told apart here and go nowhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from functools import partial
from typing import Any

import engineio
import msgspec
import socketio
from aiohttp import web
from aiohttp.typedefs import Handler

from ..config import SignalingConfig
from ..timers import Timers
from .namespaces import Namespace, adapter
from .packets import CONNECT, NO_PACKET, Packets, event_of
from .polling import Posts
from .wire import Wire

PATH = "socket.io"
GOODBYE_S = 1.0  # between telling a peer that it is over and cutting its transport
REFUSALS = 16  # that may wait for a peer who does not read them

Callback = Callable[..., Awaitable[None]]
"""Hears an acknowledgement."""

EVENT, ACK = str(socketio.packet.EVENT), str(socketio.packet.ACK)
RESERVED = ("connect", "disconnect")  # the library's own events

# Malformed packets of strangers are no news: the library logs each with a traceback.
_quiet = logging.getLogger(f"{__name__}.library")
_quiet.setLevel(logging.CRITICAL)


class JsonText:
    """JSON for the Socket.IO packets; nesting that the decoder cannot follow is an ordinary error."""

    @staticmethod
    def dumps(value: object, **options: Any) -> str:  # noqa: ANN401 - the library's own options
        """The text of a value."""
        return json.dumps(value, **options)

    @staticmethod
    def loads(text: str, **options: Any) -> object:  # noqa: ANN401
        """The value in a text."""
        try:
            return json.loads(text, **options)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class Sockets:
    """The Socket.IO server.  `attach` to an application before it starts; `close` ends all connections."""

    def __init__(self, config: SignalingConfig) -> None:
        # Given to us.
        self._config = config
        # Ours.
        make: Any = socketio.AsyncServer
        self._server: Any = make(
            async_mode="aiohttp",
            cors_allowed_origins="*",  # `origins.py` has asked before
            max_http_buffer_size=config.frame_bytes,
            json=JsonText,
            logger=_quiet,
            engineio_logger=_quiet,
        )
        self._timers = Timers(self._on_time)
        self._transports: dict[str, asyncio.Transport] = {}
        self._ending: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._namespaces: dict[str, Namespace] = {}
        self._packets = Packets(self)
        self._watch_newcomers()
        drivers = self._server.eio._async  # noqa: SLF001 - the one place where a driver can be given
        self._server.eio._async = {**drivers, "websocket": partial(Wire, self._packets.receive)}  # noqa: SLF001

    def attach(self, app: web.Application) -> None:
        """Serve at `/socket.io`."""
        app.middlewares.append(self._remember_upgrade)
        place, engine = f"/{PATH}/", self._server.eio
        app.router.add_get(place, engine.handle_request)
        app.router.add_options(place, engine.handle_request)
        app.router.add_post(place, Posts(engine, self._packets.receive, self._cut).serve)

    def serve(self, name: str, namespace: Namespace) -> None:
        """Serve a namespace."""
        self._namespaces[name] = namespace
        self._server.register_namespace(adapter(self._server, name, namespace))

    def emit(self, event: str, text: str, *, to: str, namespace: str, callback: Callback | None = None) -> None:
        """Send an event whose argument is JSON text, and does not wait; a connection that is gone misses it."""
        socket = self._server.eio.sockets.get(self.transport_of(to, namespace))
        if socket is None or socket.closed:
            return
        number = self._server.manager._generate_ack_id(to, callback) if callback is not None else ""  # noqa: SLF001
        socket.queue.put_nowait(_packet(f"{EVENT}{_place(namespace)}{number}[{json.dumps(event)},{text}]"))

    def disconnect(self, sid: str, namespace: str, *, for_good: bool) -> None:
        """End a connection, transport and all; it does not wait, for the peer may be one that does not read.

        `for_good` says so in a Socket.IO packet, after which clients do not come back by themselves.
        """
        engine = self.transport_of(sid, namespace)
        if engine is not None and engine not in self._ending:
            self._ending.add(engine)
            self._spawn(self._end(sid, namespace, engine) if for_good else self._cut(engine))

    def request_of(self, sid: str, namespace: str) -> web.Request:
        """The HTTP request that a connection began with."""
        request: web.Request = self._server.get_environ(sid, namespace)["aiohttp.request"]
        return request

    def transport_of(self, sid: str, namespace: str) -> str | None:
        """The transport below a connection."""
        engine: str | None = self._server.manager.eio_sid_from_sid(sid, namespace)
        return engine

    def alive(self, sid: str, namespace: str) -> bool:
        """Whether the transport below a connection is still there."""
        return self.transport_of(sid, namespace) in self._server.eio.sockets

    def unread(self, sid: str, namespace: str) -> int:
        """How many packets wait for a peer that does not read them."""
        engine = self._server.eio.sockets.get(self.transport_of(sid, namespace))
        return engine.queue.qsize() if engine is not None else 0

    def welcome(self, sid: str, namespace: str) -> None:
        """The connection has signed in: its transport may stay."""
        self._timers.arm(self.transport_of(sid, namespace), None)

    async def close(self) -> None:
        """End all connections."""
        await self._timers.close()
        for engine in list(self._server.eio.sockets):
            await self._cut(engine)
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.shutdown()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _end(self, sid: str, namespace: str, engine: str) -> None:
        """Tell the peer, who then closes by himself; if not, his transport is cut soon after."""
        await self._server.disconnect(sid, namespace=namespace)
        self._timers.arm(engine, asyncio.get_running_loop().time() + GOODBYE_S)

    async def _cut(self, engine: str) -> None:
        """End a transport without waiting for the peer, who then connects again by himself.

        The library's own `disconnect` waits until the peer has read everything, which may be never.  `abort` spares him
        the CLOSE packet, after which python-socketio's client would stay away.
        """
        socket = self._server.eio.sockets.pop(engine, None)
        self._ending.discard(engine)
        if socket is None:
            return
        await socket.close(wait=False, abort=True, reason=self._server.eio.reason.SERVER_DISCONNECT)
        socket.queue.put_nowait(None)  # ends the library's writer once what it has is written
        if (transport := self._transports.pop(engine, None)) is not None:
            asyncio.get_running_loop().call_later(GOODBYE_S, transport.abort)

    # --- what peers send (packets.Taker) -----------------------------------------------------------------------------

    def event(self, engine: str, namespace: str, number: str, arguments: list[msgspec.Raw]) -> None:
        """An event; of a connection that is not let in, or not any more, it goes nowhere."""
        if (sid := self._let_in(engine, namespace)) is not None:
            self._spawn(self._happened(engine, namespace, sid, number, arguments))

    def acknowledgement(self, engine: str, namespace: str, number: str, arguments: list[msgspec.Raw]) -> None:
        """The acknowledgement of an event of ours."""
        if number and (sid := self._let_in(engine, namespace)) is not None:
            self._spawn(self._acknowledged(engine, sid, int(number), arguments))

    async def control(self, engine: str, text: str) -> None:
        """A connection to a namespace, or its end: the library knows how.  A transport signs in once."""
        if text.startswith(CONNECT) and self._is_busy(engine):
            await self.malformed(engine, "this connection is signed in already")
        else:
            self._spawn(self._controlled(engine, text))

    async def malformed(self, engine: str, problem: str) -> None:
        """What is no packet: told to whoever has signed in; another loses the connection."""
        for name, namespace in self._namespaces.items():
            if (sid := self._let_in(engine, name)) is not None:
                await namespace.malformed(sid, problem)
                return
        await self._cut(engine)

    def _let_in(self, engine: str, namespace: str) -> str | None:
        """The id of a connection that was let in to a namespace of ours."""
        sid: str | None = self._server.manager.sid_from_eio_sid(engine, namespace)
        is_ours = namespace in self._namespaces and self._server.manager.is_connected(sid, namespace)
        return sid if is_ours else None

    def _is_busy(self, engine: str) -> bool:
        """Whether a transport is let in already, or has been refused more often than it cared to read."""
        socket = self._server.eio.sockets.get(engine)
        is_let_in = any(self._let_in(engine, name) is not None for name in self._namespaces)
        return is_let_in or (socket is not None and socket.queue.qsize() > REFUSALS)

    async def _controlled(self, engine: str, text: str) -> None:
        try:
            await self._server.eio.handlers["message"](engine, text)
        except (ValueError, TypeError, KeyError, IndexError):  # whatever it makes of what it cannot read
            await self.malformed(engine, NO_PACKET)

    async def _happened(self, engine: str, name: str, sid: str, number: str, arguments: list[msgspec.Raw]) -> None:
        namespace = self._namespaces[name]
        event, data = event_of(arguments, as_text=namespace.takes_text)
        if event is None:
            await namespace.malformed(sid, NO_PACKET)
            return
        answer = None if event in RESERVED else await namespace.happened(sid, event, data)
        if number and isinstance(answer, asyncio.Future):
            answer.add_done_callback(partial(self._answered, engine, name, number))
        elif number:
            self._answer(engine, name, number, answer)

    def _answered(self, engine: str, name: str, number: str, answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled():
            self._answer(engine, name, number, answer.result())

    def _answer(self, engine: str, name: str, number: str, answer: object) -> None:
        """Acknowledge an event."""
        socket = self._server.eio.sockets.get(engine)
        if socket is not None and not socket.closed:
            text = msgspec.json.encode(answer).decode() if answer is not None else ""
            socket.queue.put_nowait(_packet(f"{ACK}{_place(name)}{number}[{text}]"))

    async def _acknowledged(self, engine: str, sid: str, number: int, arguments: list[msgspec.Raw]) -> None:
        try:
            values = [msgspec.json.decode(argument) for argument in arguments]
        except (ValueError, RecursionError):
            await self.malformed(engine, NO_PACKET)
        else:
            await self._server.manager.trigger_callback(sid, number, values)

    @web.middleware
    async def _remember_upgrade(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Know the TCP connection of a peer that goes from long polling to WebSocket."""
        sid = request.query.get("sid", "")
        if "Upgrade" in request.headers and sid in self._server.eio.sockets and request.transport is not None:
            self._transports[sid] = request.transport
        return await handler(request)

    def _watch_newcomers(self) -> None:
        """A transport that has not signed in after `connect_within_s` is closed."""
        began = self._server.eio.handlers["connect"]
        ended = self._server.eio.handlers["disconnect"]

        async def on_begin(engine: str, environ: dict[str, Any]) -> object:
            now = asyncio.get_running_loop().time()
            transport = environ["aiohttp.request"].transport
            if transport is not None and "HTTP_UPGRADE" in environ:
                self._transports[engine] = transport
            self._timers.arm(engine, now + self._config.connect_within_s)
            return await began(engine, environ)

        async def on_end(engine: str, reason: str) -> None:
            self._timers.arm(engine, None)
            self._ending.discard(engine)
            self._transports.pop(engine, None)
            self._release_poll(engine, reason)
            await ended(engine, reason)

        self._server.eio.on("connect", on_begin)
        self._server.eio.on("disconnect", on_end)

    def _release_poll(self, engine: str, reason: str) -> None:
        """A long-polling peer that has said goodbye gets his open request back at once, not at the next ping."""
        socket = self._server.eio.sockets.get(engine)
        if socket is not None and not socket.upgraded and reason == self._server.eio.reason.CLIENT_DISCONNECT:
            socket.queue.put_nowait(None)

    async def _on_time(self, engine: Hashable) -> None:
        """The transport has not signed in, or was told to go and did not."""
        await self._cut(str(engine))


def _packet(text: str) -> Any:  # noqa: ANN401 - the library has no types
    make: Any = engineio.packet.Packet
    return make(engineio.packet.MESSAGE, data=text)


def _place(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"
