"""Janus' own API over its WebSocket: one session with any number of handles of the VideoRoom plugin.

janus -> **janus_api** -> Janus
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp

Message = dict[str, Any]

PLUGIN = "janus.plugin.videoroom"
ANSWER_S = 20.0
KEEP_ALIVE_S = 25.0
"""Janus ends a session that is silent for 60 s."""


class JanusError(Exception):
    """Janus refused a request, or is gone; the text is its own."""


@dataclass(frozen=True, slots=True)
class Event:
    """What a plugin answered: its data, and an SDP if it made one."""

    data: Message
    sdp: str | None


class JanusApi:
    """The session.  `connect` before anything else, `close` at the end."""

    def __init__(self) -> None:
        self.version = ""
        self._http: aiohttp.ClientSession
        self._socket: aiohttp.ClientWebSocketResponse
        self._tasks: list[asyncio.Task[None]] = []
        self._session = 0
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._when_up: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count(1)

    async def connect(self, url: str) -> None:
        """Connect and begin a session."""
        self._http = aiohttp.ClientSession()
        try:
            self._socket = await self._http.ws_connect(url, protocols=["janus-protocol"], max_msg_size=0)
        except BaseException:
            await self._http.close()
            raise
        loop = asyncio.get_running_loop()
        self._tasks.append(loop.create_task(self._read()))
        self.version = str((await self._ask("info"))["version_string"])
        self._session = (await self._ask("create"))["data"]["id"]
        self._tasks.append(loop.create_task(self._keep_alive()))

    async def close(self) -> None:
        """End the session and all its handles."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._socket.close()
        await self._http.close()

    async def attach(self) -> int:
        """A new handle of the plugin."""
        return int((await self._ask("attach", plugin=PLUGIN))["data"]["id"])

    async def detach(self, handle: int) -> None:
        """End a handle and its connection."""
        self._when_up.pop(handle, None)
        await self._ask("detach", handle_id=handle)

    def when_up(self, handle: int, then: Callable[[], None]) -> None:
        """Have something done once the connection of a handle is made."""
        self._when_up[handle] = then

    async def message(self, handle: int, body: Message, jsep: Message | None = None) -> Event:
        """Ask the plugin; raises JanusError where it refuses."""
        more = {"jsep": {**jsep, "trickle": False}} if jsep else {}
        answer = await self._ask("message", handle_id=handle, body=body, **more)
        data = answer.get("plugindata", {}).get("data", {})
        if "error" in data:
            raise JanusError(f"{body['request']}: {data['error']}")
        return Event(data, answer.get("jsep", {}).get("sdp"))

    async def _ask(self, janus: str, **fields: object) -> Message:
        number = str(next(self._numbers))
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        request = {"janus": janus, "transaction": number, **fields}
        if self._session:
            request["session_id"] = self._session
        try:
            await self._socket.send_json(request)
            answer: Message = await asyncio.wait_for(waiting, ANSWER_S)
        except (TimeoutError, ConnectionError) as error:
            raise JanusError(f"no answer to {janus}") from error
        finally:
            del self._waiting[number]
        if answer["janus"] == "error":
            raise JanusError(f"{janus}: {answer['error']['reason']}")
        return answer

    async def _read(self) -> None:
        async for message in self._socket:
            answer: Message = message.json()
            if answer["janus"] == "webrtcup" and (then := self._when_up.pop(answer["sender"], None)):
                then()
            waiting = self._waiting.get(answer.get("transaction", ""))
            # "ack": the answer itself comes later.
            if waiting is not None and not waiting.done() and answer["janus"] != "ack":
                waiting.set_result(answer)
        for waiting in self._waiting.values():
            waiting.cancel()

    async def _keep_alive(self) -> None:
        number = "keep-alive"
        while True:
            await asyncio.sleep(KEEP_ALIVE_S)
            await self._socket.send_json({"janus": "keepalive", "transaction": number, "session_id": self._session})
