"""A Socket.IO connection that comes back by itself.

qss_client, node_client → **link** → python-socketio

Wraps python-socketio's client in what both need: credentials asked for at each attempt, the reason of a refusal in
words, events handed on in order, and a close that leaves nothing behind.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import socketio

from agents.errors import AgentError

CONNECT_TIMEOUT_S: Final = 5.0
RECONNECT_FIRST_S: Final = 0.2
RECONNECT_MOST_S: Final = 3.0

Credentials = Callable[[], Awaitable[dict[str, Any]]]


class Refused(Exception):
    """The server does not let us in, or is not there; `data` is what it said."""

    def __init__(self, url: str, data: object) -> None:
        self.data = data
        super().__init__(f"{url}: {_in_words(data)}")


class Listener(Protocol):
    """Who hears of a link.  Called on the event loop, in order; must not wait."""

    def link_up(self) -> None:
        """Connected, for the first time or again."""

    def link_down(self) -> None:
        """Lost; it will be tried again."""

    def link_event(self, name: str, data: object) -> None:
        """The server sent an event."""

    def link_refused(self, data: object) -> None:
        """A new attempt was refused by the server; it goes on trying until closed."""


class Connection(Protocol):
    """What a client of signaling or of a node needs of its connection, whatever carries it."""

    @property
    def connected(self) -> bool:
        """Whether an event would go out now."""

    async def open(self) -> None:
        """Connect; Refused says why not."""

    async def send(self, event: str, data: object) -> None:
        """Emit; nothing is kept for later when the link is down."""

    async def ask(self, event: str, data: object, *, timeout_s: float) -> object:
        """Emit and wait for the answer; TimeoutError when it does not come."""

    async def close(self) -> None:
        """End it; again is harmless."""


Connecting = Callable[[str, Credentials, Listener], Connection]
"""Makes a connection, not yet open, to a URL."""


class Link:
    """One connection to `url` (http, https, ws or wss; its path is the Socket.IO path)."""

    def __init__(self, url: str, credentials: Credentials, listener: Listener) -> None:
        self.url = url
        self._base, self._path = _split(url)
        self._credentials = credentials
        self._listener = listener
        self._refusal: object = None
        self._closed = False
        self._up = False
        self._coming_back: asyncio.Task[None] | None = None
        # Ours: python-socketio leaves one open behind each attempt that fails.
        self._http = aiohttp.ClientSession()
        self._client = self._make()

    def _make(self) -> Any:  # noqa: ANN401 - python-socketio carries no types
        # Its own reconnection stays off: it gives up when the server says goodbye, as a restarting one does.
        make: Any = socketio.AsyncClient
        client = make(handle_sigint=False, reconnection=False, http_session=self._http)
        client.on("connect", self._connected)
        client.on("disconnect", self._disconnected)
        client.on("connect_error", self._connect_error)
        client.on("*", self._event)
        return client

    @property
    def connected(self) -> bool:
        """Whether an event would go out now."""
        return self._up and "/" in self._client.namespaces

    async def open(self) -> None:
        """Connect; Refused says why not."""
        try:
            await self._client.connect(
                self._base,
                auth=self._credentials,
                transports=["websocket"],
                socketio_path=self._path,
                wait_timeout=CONNECT_TIMEOUT_S,
            )
        except socketio.exceptions.ConnectionError as error:
            raise Refused(self.url, self._refusal or str(error)) from None

    async def send(self, event: str, data: object) -> None:
        """Emit; nothing is kept for later when the link is down."""
        if self.connected:
            await self._client.emit(event, data)

    async def ask(self, event: str, data: object, *, timeout_s: float) -> object:
        """Emit and wait for the ack; TimeoutError when it does not come."""
        try:
            return await self._client.call(event, data, timeout=timeout_s)
        except (socketio.exceptions.TimeoutError, socketio.exceptions.SocketIOError):
            raise TimeoutError(f"{self.url} did not answer {event}") from None

    async def close(self) -> None:
        """End it, and the trying; again is harmless."""
        if self._closed:
            return
        self._closed = True
        if self._coming_back is not None:
            self._coming_back.cancel()
            await asyncio.gather(self._coming_back, return_exceptions=True)
        await self._client.shutdown()
        await self._http.close()

    async def _connected(self) -> None:
        self._refusal, self._up = None, True
        self._listener.link_up()

    async def _disconnected(self, _reason: object = None) -> None:
        if self._closed or not self._up:
            return
        self._up = False
        self._listener.link_down()
        self._coming_back = asyncio.get_running_loop().create_task(self._come_back())

    async def _come_back(self) -> None:
        """Try again, at growing distances, until it works or we are closed."""
        delay = RECONNECT_FIRST_S
        while not self._closed:
            await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - spreads the load, no secret
            self._client = self._make()
            try:
                await self.open()
            except (Refused, AgentError):
                delay = min(delay * 2, RECONNECT_MOST_S)
            else:
                return

    async def _connect_error(self, data: object = None) -> None:
        self._refusal = data
        if not self._closed and isinstance(data, dict):
            self._listener.link_refused(data)

    async def _event(self, name: str, *data: object) -> None:
        self._listener.link_event(name, data[0] if data else None)


def _split(url: str) -> tuple[str, str]:
    """The origin, with an http scheme, and the Socket.IO path."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, "", "", "")), parts.path.strip("/") or "socket.io"


def _in_words(data: object) -> str:
    if isinstance(data, dict):
        return str(data.get("message") or data.get("code") or data.get("error") or data)
    return str(data)


async def within(seconds: float, work: Awaitable[Any]) -> bool:
    """Whether `work` came to its end in time; for partings, where nobody minds if not."""
    try:
        async with asyncio.timeout(seconds):
            await work
    except (TimeoutError, OSError, socketio.exceptions.SocketIOError):
        return False
    return True
