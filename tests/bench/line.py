"""A Socket.IO client for measuring: WebSocket only, and no more work for a frame than finding out what it is.

python-socketio's own client would cost more than the server that is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import msgspec

Frame = dict[str, Any]
decode = msgspec.json.decode
encode = msgspec.json.encode


class Tally:
    """Frames counted at this end, both ways; `sizes` keeps how large they were, while it is a list."""

    def __init__(self) -> None:
        self.count = 0
        self.sizes: list[int] | None = None

    def add(self, text: str) -> None:
        """One frame more."""
        self.count += 1
        if self.sizes is not None:
            self.sizes.append(len(text))


class Line:
    """One connection.  `got` hears every frame; `ask` waits for an acknowledgement."""

    def __init__(self, tally: Tally, got: Callable[[Frame], None] = lambda _frame: None) -> None:
        # Given to us.
        self._tally = tally
        self._got = got
        # Ours.
        self._socket: aiohttp.ClientWebSocketResponse
        self._reader: asyncio.Task[None]
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._asked = 0

    async def connect(self, http: aiohttp.ClientSession, url: str, auth: Frame | None = None) -> None:
        """Connect and sign in."""
        address = f"{url}/socket.io/?EIO=4&transport=websocket"
        self._socket = await http.ws_connect(address, max_msg_size=0, compress=0)
        await self._socket.receive_str()
        await self._socket.send_str(f"40{encode(auth or {}).decode()}")
        answer = await self._socket.receive_str()
        if not answer.startswith("40"):
            raise ConnectionError(answer)
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()
        await self._reader

    async def ask(self, frame: Frame | str) -> Any:  # noqa: ANN401 - whatever the answer is
        """Send a frame, as an object or its JSON text, and wait for the acknowledgement."""
        self._asked += 1
        waiting = self._waiting[self._asked] = asyncio.get_running_loop().create_future()
        text = frame if isinstance(frame, str) else encode(frame).decode()
        await self._send(f'42{self._asked}["message",{text}]')
        return await waiting

    async def _send(self, text: str) -> None:
        self._tally.add(text)
        await self._socket.send_str(text)

    async def _read(self) -> None:
        async for message in self._socket:
            text: str = message.data
            if text == "2":
                await self._socket.send_str("3")
                continue
            self._tally.add(text)
            if text.startswith("43"):
                self._acknowledged(text)
            elif text.startswith("42["):
                self._got(decode(text[2:])[1])

    def _acknowledged(self, text: str) -> None:
        number, _, rest = text[2:].partition("[")
        waiting = self._waiting.pop(int(number))
        if not waiting.done():
            waiting.set_result(decode("[" + rest)[:1])
