"""Socket.IO, behind the few typed calls that we use; the only file, with `wire.py`, that touches python-socketio.

aiohttp -> wire -> **sockets** -> socketio (devices, namespace `/`), nodes (namespace `/nodes`)

A namespace is one coroutine that gets every event: "connect" and "disconnect" from the library, whatever else from the
peer.  A peer may send events of these two names as well; they are told apart here and go nowhere.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Hashable
from functools import partial
from typing import Any, Protocol

import engineio
import msgspec
import socketio
from aiohttp import web
from aiohttp.typedefs import Handler

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import NoNode
from ..timers import Timers
from .wire import Wire

PATH = "socket.io"
GOODBYE_S = 1.0  # between telling a peer that it is over and cutting its transport

# An event or an acknowledgement without attachments: type, namespace, number, arguments.
PLAIN = re.compile(r"([23])(?:(/[^,?]*),)?(\d{0,10})(?=\[)")

log = FieldLog(__name__)

EVENT, ACK = str(socketio.packet.EVENT), str(socketio.packet.ACK)
RESERVED = ("connect", "disconnect")  # the library's own events

_arguments = msgspec.json.Decoder(list[msgspec.Raw])

# Malformed packets of strangers are no news: the library logs each with a traceback.
_quiet = logging.getLogger(f"{__name__}.library")
_quiet.setLevel(logging.CRITICAL)


class Namespace(Protocol):
    """What a namespace is served by."""

    takes_text: bool
    """Whether it parses what an event carries by itself: then it is given the JSON text."""

    async def connected(self, sid: str, auth: object) -> None:
        """A connection asks to be let in; raise `refused(...)` to keep it out."""

    async def disconnected(self, sid: str) -> None:
        """A connection that was let in is gone."""

    async def happened(self, sid: str, event: str, data: object) -> object:
        """An event with its first argument; the result is the acknowledgement (None: an empty one)."""


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
        self._watch_newcomers()
        drivers = self._server.eio._async  # noqa: SLF001 - the one place where a driver can be given
        self._server.eio._async = {**drivers, "websocket": partial(Wire, self._taken)}  # noqa: SLF001

    def attach(self, app: web.Application) -> None:
        """Serve at `/socket.io`."""
        app.middlewares.append(self._remember_upgrade)
        self._server.attach(app, socketio_path=PATH)

    def serve(self, name: str, namespace: Namespace) -> None:
        """Serve a namespace."""
        self._namespaces[name] = namespace
        self._server.register_namespace(_adapter(self._server, name, namespace))

    async def emit(
        self,
        event: str,
        data: object,
        *,
        to: str,
        namespace: str,
        callback: Callable[..., Awaitable[None]] | None = None,
    ) -> None:
        """Send an event to one connection; it does not wait for the peer."""
        await self._server.emit(event, data, to=to, namespace=namespace, callback=callback)

    def emit_json(self, event: str, text: str, *, to: str, namespace: str) -> None:
        """Send an event whose argument is JSON text already; a connection that is gone misses it."""
        socket = self._server.eio.sockets.get(self.transport_of(to, namespace))
        if socket is not None and not socket.closed:
            socket.queue.put_nowait(_event_packet(event, text, namespace))

    async def call(self, event: str, data: object, *, to: str, namespace: str, timeout_s: float) -> object:
        """Send an event and wait for its acknowledgement; raises NoNode when none comes in time."""
        try:
            return await self._server.call(event, data, to=to, namespace=namespace, timeout=timeout_s)
        except socketio.exceptions.TimeoutError:
            raise NoNode("the media server did not answer") from None

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

    def _taken(self, engine: str, text: str) -> bool:
        """Take a plain event or acknowledgement, which is almost all there is; False leaves it to the library."""
        head = PLAIN.match(text)
        if head is None:
            return False
        kind, place, number = head.groups()
        name = place or "/"
        sid = self._server.manager.sid_from_eio_sid(engine, name)
        if name not in self._namespaces or not self._server.manager.is_connected(sid, name):
            return False
        try:
            arguments = _arguments.decode(text[head.end() :])
        except (ValueError, RecursionError):
            return True  # a stranger's rubbish; the library drops it too
        if kind == EVENT:
            self._spawn(self._happened(engine, name, sid, number, arguments))
        elif number:
            self._spawn(self._acknowledged(name, sid, int(number), arguments))
        return True

    async def _happened(self, engine: str, name: str, sid: str, number: str, arguments: list[msgspec.Raw]) -> None:
        namespace = self._namespaces[name]
        event, data = _event_of(arguments, as_text=namespace.takes_text)
        if event is None:
            return
        answer = None if event in RESERVED else await namespace.happened(sid, event, data)
        socket = self._server.eio.sockets.get(engine)
        if number and socket is not None and not socket.closed:
            text = msgspec.json.encode(answer).decode() if answer is not None else ""
            socket.queue.put_nowait(_packet(f"{ACK}{_place(name)}{number}[{text}]"))

    async def _acknowledged(self, name: str, sid: str, number: int, arguments: list[msgspec.Raw]) -> None:
        values = [msgspec.json.decode(argument) for argument in arguments]
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


def _event_of(arguments: list[msgspec.Raw], *, as_text: bool) -> tuple[str | None, object]:
    """An event's name, and its first argument: as JSON text, or as the value; a string is a string in any case."""
    try:
        event = msgspec.json.decode(arguments[0], type=str)
        if len(arguments) < 2:
            return event, None
        if as_text and not bytes(arguments[1]).startswith(b'"'):
            return event, bytes(arguments[1]).decode()
        return event, msgspec.json.decode(arguments[1])
    except (ValueError, IndexError, RecursionError):
        return None, None


def _event_packet(event: str, text: str, namespace: str) -> Any:  # noqa: ANN401 - the library has no types
    return _packet(f"{EVENT}{_place(namespace)}[{json.dumps(event)},{text}]")


def _packet(text: str) -> Any:  # noqa: ANN401 - the library has no types
    make: Any = engineio.packet.Packet
    return make(engineio.packet.MESSAGE, data=text)


def _place(namespace: str) -> str:
    return "" if namespace == "/" else f"{namespace},"


def refused(code: str, message: str | None = None) -> Exception:
    """The refusal of a connection: its code where Socket.IO clients look for it (`data.code`), and beside it."""
    make: Any = socketio.exceptions.ConnectionRefusedError
    refusal: Exception = make(code)
    refusal.error_args = {"message": message or code, "code": code, "data": {"code": code}}  # type: ignore[attr-defined]
    return refusal


async def _let_in(namespace: Namespace, sid: str, auth: object) -> None:
    try:
        await namespace.connected(sid, auth)
    except socketio.exceptions.ConnectionRefusedError:
        raise
    except Exception:
        log.fault("connect_failed", socket=sid)
        raise refused("internal") from None


def _adapter(server: Any, name: str, namespace: Namespace) -> Any:  # noqa: ANN401 - the library has no types
    base: Any = socketio.AsyncNamespace

    class Adapter(base):  # type: ignore[misc]
        async def trigger_event(self, event: str, sid: str, *args: object) -> object:
            if event == "connect":
                environ = args[0] if args else None
                if isinstance(environ, dict) and "aiohttp.request" in environ:
                    await _let_in(namespace, sid, args[1] if len(args) > 1 else None)
                return None
            if event == "disconnect":
                if not server.manager.is_connected(sid, name):
                    await namespace.disconnected(sid)
                return None
            return msgspec.to_builtins(await namespace.happened(sid, event, args[0] if args else None))

    return Adapter(name)
