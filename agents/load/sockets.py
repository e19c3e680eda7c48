"""Plain WebSockets in place of Socket.IO: what carries a participant's frames for the least work.

qss_client, node_client -> **sockets** -> `/ws` of signaling, `/ws-sfuN` of a node

One connection, which does not come back by itself: a participant whose link breaks is counted as such.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any, Final, Protocol

import aiohttp
import msgspec

from agents.link import CONNECT_TIMEOUT_S, Credentials, Listener, Refused

HEARTBEAT: Final = None
"""Both servers ping; one more heartbeat a connection would be load of the tester's own making."""
MOST_OCTETS: Final = 4 * 1024 * 1024

ENDS: Final = (
    aiohttp.WSMsgType.CLOSE,
    aiohttp.WSMsgType.CLOSING,
    aiohttp.WSMsgType.CLOSED,
    aiohttp.WSMsgType.ERROR,
)

encode = msgspec.json.encode
decode = msgspec.json.decode


class Language(Protocol):
    """How events and requests stand in text messages."""

    def hello(self, credentials: dict[str, Any]) -> object:
        """The first message."""

    def event(self, name: str, data: object, /) -> object:
        """An event of ours."""

    def request(self, number: int, name: str, data: object, /) -> object:
        """A request of ours."""

    def welcomes(self, frame: dict[str, Any]) -> bool:
        """Whether a message says that we are let in."""


class Qss:
    """Signaling's `/ws`: a message is a frame, and answers are frames, too."""

    def hello(self, credentials: dict[str, Any]) -> object:
        """Token and device."""
        return credentials

    def event(self, _name: str, data: object) -> object:
        """The frame."""
        return data

    def request(self, _number: int, _name: str, data: object) -> object:
        """The frame, which has an id of its own."""
        return data

    def welcomes(self, frame: dict[str, Any]) -> bool:
        """`ready` is the first event."""
        return frame.get("type") == "event"


class Negotiation:
    """A node's `/ws-sfuN`: `{"event", "id"?, "data"}`."""

    def hello(self, credentials: dict[str, Any]) -> object:
        """Room and token; the id asks for an answer."""
        return credentials | {"id": 0}

    def event(self, name: str, data: object) -> object:
        """A request whose answer nobody waits for."""
        return {"event": name, "id": None, "data": data}

    def request(self, number: int, name: str, data: object) -> object:
        """A request."""
        return {"event": name, "id": number, "data": data}

    def welcomes(self, frame: dict[str, Any]) -> bool:
        """The answer to `hello`."""
        return frame.get("id") == 0


class Socket:
    """One connection (`agents.link.Connection`)."""

    def __init__(
        self, http: aiohttp.ClientSession, language: Language, url: str, credentials: Credentials, listener: Listener
    ) -> None:
        # Given to us.
        self._http = http
        self._language = language
        self._url = url
        self._credentials = credentials
        self._listener = listener
        # Ours.
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reader: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._asked: dict[int, asyncio.Future[object]] = {}
        self._welcome: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def connected(self) -> bool:
        """Whether an event would go out now."""
        return self._socket is not None and not self._socket.closed

    async def open(self) -> None:
        """Connect and introduce ourselves; Refused says why not."""
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                self._socket = await self._http.ws_connect(self._url, max_msg_size=MOST_OCTETS, heartbeat=HEARTBEAT)
                self._reader = asyncio.get_running_loop().create_task(self._read(self._socket))
                await self._say(self._language.hello(await self._credentials()))
                await self._welcome
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            await self.close()
            raise Refused(self._url, str(error) or "does not answer") from None
        self._listener.link_up()

    async def send(self, event: str, data: object) -> None:
        """Emit."""
        if self.connected:
            await self._say(self._language.event(event, data))

    async def ask(self, event: str, data: object, *, timeout_s: float) -> object:
        """Emit and wait for the answer."""
        number = next(self._numbers)
        waiting = self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(timeout_s):
                await self._say(self._language.request(number, event, data))
                return await waiting
        except (TimeoutError, ConnectionError):
            raise TimeoutError(f"{self._url} did not answer {event}") from None
        finally:
            self._asked.pop(number, None)

    async def close(self) -> None:
        """End it; again is harmless."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await asyncio.wait([self._reader])

    async def _say(self, message: object) -> None:
        if self._socket is None:
            raise ConnectionError(f"{self._url} is not connected")
        await self._socket.send_str(encode(message).decode())

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        while (message := await socket.receive()).type not in ENDS:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(message.data)
        self._broken(_reason(message))

    def _take(self, text: str) -> None:
        try:
            frame = decode(text)
        except msgspec.DecodeError:
            return
        if isinstance(frame, dict):
            self._heard(frame)

    def _heard(self, frame: dict[str, Any]) -> None:
        if not self._welcome.done() and self._language.welcomes(frame):
            self._welcome.set_result(None)
        waiting = self._asked.get(frame["id"]) if isinstance(frame.get("id"), int) else None
        if waiting is not None:
            if not waiting.done():
                waiting.set_result(frame.get("data"))
        elif isinstance(frame.get("event"), str):
            self._listener.link_event(frame["event"], frame.get("data"))
        else:
            self._listener.link_event("message", frame)

    def _broken(self, why: str) -> None:
        _disappoint(self._welcome, why)
        for waiting in self._asked.values():
            _disappoint(waiting, why)
        self._listener.link_down()


def _disappoint(waiting: asyncio.Future[Any], why: str) -> None:
    """Nothing will come any more."""
    if not waiting.done():
        waiting.set_exception(ConnectionError(why))
        waiting.exception()  # seen: nobody may be waiting any more


def _reason(message: aiohttp.WSMessage) -> str:
    """Why the server closed: its own words where it gives any."""
    if message.type is aiohttp.WSMsgType.CLOSE and message.extra:
        return str(message.extra)
    return "the connection was closed" + (f" ({message.data})" if isinstance(message.data, int) else "")
