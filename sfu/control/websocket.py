"""Clients over a plain WebSocket, at `/ws-sfuN`.

client -> **websocket** -> dialogue -> node

The first message is `{"room", "token"}`; then requests are `{"event", "id", "data"}`, answers `{"id", "data"}` and
events `{"event", "data"}`.
"""

import asyncio

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from sfu.config import NodeConfig
from sfu.control.dialogue import Dialogue
from sfu.control.outbox import Frame, Outbox
from sfu.control.requests import Frame as RequestFrame
from sfu.control.requests import Hello, decode
from sfu.errors import BadRequest, Refused
from sfu.node import Node

HEARTBEAT_S = 20.0
"""Between pings; a client that answers none of them is gone after one and a half of these."""
DRAIN_S = 1.0
"""At the end a client gets its last events within so long, or not at all."""
REFUSED_BASE = 4_000
"""Close codes 4000 and up are the application's (RFC 6455 §7.4.2): 4403 is a 403."""


class OnceEncoder:
    """Encodes what is told to many in a row once: their frames have the same data."""

    def __init__(self) -> None:
        self._event: object = None
        self._data: object = None
        self._text = ""

    def encode(self, frame: Frame) -> str:
        """The frame as JSON."""
        event, data = frame.get("event"), frame["data"]
        if event is None or event != self._event or data is not self._data:
            self._event, self._data = event, data
            self._text = msgspec.json.encode(frame).decode()
        return self._text


class WebSocketFront:
    """The WebSocket endpoint.  Owns the connections it carries."""

    def __init__(self, node: Node, config: NodeConfig) -> None:
        self._node = node
        self._config = config
        self._outboxes: set[Outbox] = set()
        self._encoder = OnceEncoder()

    def attach(self, app: web.Application) -> None:
        """Serve on the application."""
        app.router.add_get(self._config.websocket_path, self._serve)

    async def close(self) -> None:
        """End every connection; again is harmless."""
        await asyncio.gather(*(outbox.drain(DRAIN_S) for outbox in self._outboxes))

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=self._config.max_frame_bytes, compress=False)
        await socket.prepare(request)
        outbox = Outbox(
            self._config.outbox_frames,
            deliver=lambda frame: socket.send_str(self._encoder.encode(frame)),
            end=lambda: _end(socket),
        )
        try:
            hello = await self._hello(socket)
            dialogue = Dialogue(self._node, hello, outbox, self._config)
        except Refused as refusal:
            await _refuse(socket, refusal)
            return socket
        if hello.id is not None:
            outbox.put({"id": hello.id, "data": {}})
        self._outboxes.add(outbox)
        outbox.start(dialogue.begin)
        try:
            await _converse(socket, dialogue, outbox)
        finally:
            self._outboxes.discard(outbox)
            outbox.stop()
            dialogue.end()
        return socket

    async def _hello(self, socket: web.WebSocketResponse) -> Hello:
        try:
            message = await socket.receive(timeout=self._config.hello_timeout_s)
        except TimeoutError:
            raise BadRequest("the first message has to say room and token") from None
        if message.type is not WSMsgType.TEXT:
            raise BadRequest("the first message has to be text")
        return decode(message.data, Hello, what="first message")


async def _converse(socket: web.WebSocketResponse, dialogue: Dialogue, outbox: Outbox) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            outbox.put(_answer(dialogue, message.data))
        elif message.type is WSMsgType.BINARY:
            outbox.put({"id": None, "data": BadRequest("frames are text").wire})


def _answer(dialogue: Dialogue, text: str) -> Frame:
    try:
        frame = decode(text, RequestFrame, what="frame")
    except BadRequest as refusal:
        return {"id": None, "data": refusal.wire}
    return {"id": frame.id, "data": dialogue.answer(frame.event, frame.data)}


async def _refuse(socket: web.WebSocketResponse, refusal: Refused) -> None:
    if not socket.closed:
        frame = {"event": "error", "data": {"code": refusal.code, "message": str(refusal)}}
        await socket.send_str(msgspec.json.encode(frame).decode())
        await socket.close(code=REFUSED_BASE + refusal.code, message=str(refusal).encode()[:120])


async def _end(socket: web.WebSocketResponse) -> None:
    await socket.close(code=WSCloseCode.GOING_AWAY)
