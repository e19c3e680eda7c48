"""Clients over Socket.IO, at `/sfuN/socket.io`.

client -> **socketio** -> dialogue -> node

The token is checked while connecting; a wrong one refuses the connection with 403 and leaves nothing behind.  Each
request is an event, its answer the event's ack.
"""

import asyncio
import logging
from typing import Any

import socketio
from aiohttp import web

from common.log import FieldLog
from sfu.config import NodeConfig
from sfu.control.dialogue import Answer, Dialogue
from sfu.control.outbox import Frame, Outbox, SlowClientError
from sfu.control.requests import Hello, read
from sfu.errors import NotFound, Refused
from sfu.node import Node

NAMESPACE = "/"
DRAIN_S = 1.0
"""At the end a client gets its last events within so long, or not at all."""
TRANSPORTS = ["polling", "websocket"]

log = FieldLog(__name__)


class SocketIoFront:
    """The Socket.IO server.  Owns the dialogues it carries, and their outboxes."""

    def __init__(self, node: Node, config: NodeConfig) -> None:
        self._node = node
        self._config = config
        self._carried: dict[str, tuple[Dialogue, Outbox]] = {}
        self._server = _server(config)
        self._server.on("connect", self._connect)
        self._server.on("disconnect", self._disconnect)
        self._server.on("*", self._request)

    def attach(self, app: web.Application) -> None:
        """Serve on the application."""
        self._server.attach(app, socketio_path=self._config.socketio_path)

    async def close(self) -> None:
        """End every connection; again is harmless."""
        outboxes = [outbox for _, outbox in self._carried.values()]
        await asyncio.gather(*(outbox.drain(DRAIN_S) for outbox in outboxes))
        await self._server.shutdown()

    async def _connect(self, sid: str, _environ: object, auth: object = None) -> None:
        if sid in self._carried:
            return  # an event that a client named "connect"
        outbox = Outbox(
            self._config.outbox_frames,
            deliver=lambda frame: self._deliver(sid, frame),
            end=lambda: self._server.disconnect(sid),
        )
        try:
            hello = read(auth if auth is not None else {}, Hello, what="auth")
            dialogue = Dialogue(self._node, hello, outbox, self._config)
        except Refused as refusal:
            refused: Any = socketio.exceptions.ConnectionRefusedError
            raise refused(str(refusal), refusal.wire) from None  # arrives as {message, data}
        self._carried[sid] = (dialogue, outbox)
        outbox.start(dialogue.begin)

    async def _disconnect(self, sid: str, _reason: object = None) -> None:
        dialogue, outbox = self._carried.pop(sid, (None, None))
        if dialogue and outbox:
            outbox.stop()
            dialogue.end()

    async def _request(self, event: str, sid: str, *data: object) -> Answer:
        carried = self._carried.get(sid)
        if carried is None:
            return NotFound("this connection has ended").wire
        return carried[0].answer(event, data[0] if data else None)

    async def _deliver(self, sid: str, frame: Frame) -> None:
        if self._waiting(sid) > self._config.outbox_frames:
            raise SlowClientError
        await self._server.emit(frame["event"], frame["data"], to=sid)

    def _waiting(self, sid: str) -> int:
        """Packets in the carrier's own queue, which has no bound."""
        eio_sid = self._server.manager.eio_sid_from_sid(sid, NAMESPACE)
        socket = self._server.eio.sockets.get(eio_sid)
        return socket.queue.qsize() if socket else 0


def _server(config: NodeConfig) -> Any:  # noqa: ANN401  python-socketio carries no types
    make: Any = socketio.AsyncServer
    return make(
        async_mode="aiohttp",
        # One client's requests are handled in order, as the protocol promises.
        async_handlers=False,
        cors_allowed_origins=_origins(config),
        max_http_buffer_size=config.max_frame_bytes,
        transports=TRANSPORTS,
        logger=_quiet_log(),
        engineio_logger=_quiet_log(),
    )


def _quiet_log() -> logging.Logger:
    """python-socketio logs a traceback for each frame that its own parsers cannot read: here that is one DEBUG line."""
    logger = logging.getLogger(f"{__name__}.carrier")
    logger.setLevel(logging.WARNING)
    if not logger.filters:
        logger.addFilter(_to_debug)
    return logger


def _to_debug(record: logging.LogRecord) -> bool:
    reason = record.exc_info[1] if record.exc_info else ""
    log.debug("carrier", message=record.getMessage(), reason=reason)
    return False


def _origins(config: NodeConfig) -> str | list[str]:
    return config.cors_origins if isinstance(config.cors_origins, str) else list(config.cors_origins)
