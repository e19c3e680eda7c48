"""What carries a test device's frames: Socket.IO, or a plain WebSocket, behind the same few calls."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import suppress
from typing import Any, Literal, Protocol

import aiohttp
import socketio

Frame = dict[str, Any]
Transport = Literal["socket.io", "websocket"]
TRANSPORTS: tuple[Transport, ...] = ("socket.io", "websocket")


class Listener(Protocol):
    """The device at this end."""

    frames: list[Frame]
    gone: asyncio.Event
    left_for: str

    def got(self, frame: Frame) -> None:
        """A frame has come."""


class Line(Protocol):
    """A device's connection."""

    async def connect(self, url: str, auth: Frame, transports: tuple[str, ...]) -> None:
        """Connect and sign in."""

    async def disconnect(self) -> None:
        """Close the connection."""

    async def tell(self, frame: object) -> Any:  # noqa: ANN401 - whatever the answer is
        """Send a frame and wait for its answer."""

    async def send(self, frame: object) -> None:
        """Send a frame."""


class SocketIoLine:
    """Frames in the event `message`; the answer is the acknowledgement."""

    def __init__(self, listener: Listener, sio: Any) -> None:  # noqa: ANN401 - python-socketio has no types
        self._listener = listener
        self._sio = sio
        sio.on("message", self._on_message)
        sio.on("disconnect", self._on_disconnect)

    async def connect(self, url: str, auth: Frame, transports: tuple[str, ...]) -> None:
        await self._sio.connect(url, auth=auth, transports=list(transports), wait_timeout=5)

    async def disconnect(self) -> None:
        await self._sio.disconnect()

    async def tell(self, frame: object) -> Any:  # noqa: ANN401
        return await self._sio.call("message", frame, timeout=10)

    async def send(self, frame: object) -> None:
        await self._sio.emit("message", frame)

    async def _on_message(self, frame: Frame) -> None:
        self._listener.got(frame)

    async def _on_disconnect(self, reason: str = "") -> None:
        self._listener.left_for = reason
        self._listener.gone.set()


class WebSocketLine:
    """One JSON text message a frame; the answer is the frame that says so."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._http: aiohttp.ClientSession | None = None
        self._ws: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    @property
    def close_code(self) -> int | None:
        """Why the connection was closed, once it is."""
        return self._ws.close_code if self._ws is not None else None

    async def connect(self, url: str, auth: Frame, transports: tuple[str, ...] = ()) -> None:
        self._http = aiohttp.ClientSession()
        self._ws = await self._http.ws_connect(f"{url}/ws", max_msg_size=0)
        await self._ws.send_str(json.dumps(auth))
        self._reader = asyncio.create_task(self._read(self._ws))

    async def disconnect(self) -> None:
        if self._ws is not None:
            await self._ws.close()
        if self._reader is not None:
            await self._reader
        if self._http is not None:
            await self._http.close()

    async def send(self, frame: object) -> None:
        assert self._ws is not None
        with suppress(ConnectionError):
            await self._ws.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def send_bytes(self, data: bytes) -> None:
        """Send what is no frame."""
        assert self._ws is not None
        await self._ws.send_bytes(data)

    async def tell(self, frame: object) -> Any:  # noqa: ANN401
        """Nothing acknowledges answers and cancels: what comes before the answer to a frame behind them is theirs."""
        since = len(self._listener.frames)
        await self.send(frame)
        plain = _plain(frame)
        if "answer" in plain or "cancel" in plain:
            mark = {"request": "no such request", "requestID": secrets.token_hex(8)}
            await self.send(mark)
            await self._answer_to(mark, since)
            return next((f for f in self._listener.frames[since:] if _late(f, plain)), {})
        return await self._answer_to(plain, since)

    async def _answer_to(self, frame: Frame, since: int) -> Frame:
        async with asyncio.timeout(10):
            while True:
                for got in self._listener.frames[since:]:
                    if _answers(got, frame):
                        return dict(got)
                self._news.clear()
                await self._news.wait()

    async def _read(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        async for message in ws:
            self._listener.got(json.loads(message.data))
            self._news.set()
        self._listener.gone.set()


def _plain(frame: object) -> Frame:
    try:
        plain = json.loads(frame) if isinstance(frame, str) else frame
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}


def _late(got: Frame, frame: Frame) -> bool:
    """Whether a frame says that an answer or a cancel came too late, or was wrong."""
    return got.get("requestID") == frame.get("requestID") and "error" in got


def _answers(got: Frame, frame: Frame) -> bool:
    if frame.get("type") == "request":
        return got.get("type") == "response" and got["payload"]["id"] == frame["payload"].get("id")
    if frame.get("request") == "leaveRoom" and got.get("cancel") == "leaveRoom":
        return True
    return got.get("requestID") == frame.get("requestID") and ("answer" in got or "cancel" in got)


def socketio_client() -> Any:  # noqa: ANN401 - python-socketio has no types
    """A client that does not come back by itself."""
    make: Any = socketio.AsyncClient
    return make(reconnection=False)
