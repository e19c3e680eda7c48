"""A device of a test: signs in over Socket.IO or a WebSocket, sends frames, and keeps what it gets.

Whatever it gets has to keep the schemas (`sent_frames.py`); what does not fails the test.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any

from signaling.store.values import User
from tests.support.lines import Frame, Line, SocketIoLine, Transport, WebSocketLine, socketio_client
from tests.support.sent_frames import problem


class Device:
    """A device: sends frames and keeps what it gets, in order."""

    def __init__(self, user: User, device: str, transport: Transport = "socket.io") -> None:
        self.user = user
        self.device = device
        self.frames: list[Frame] = []
        self.wrong: list[str] = []
        """What was sent here against the schemas."""
        self._taken = 0
        self._news = asyncio.Event()
        self.gone = asyncio.Event()
        self.left_for = ""
        self.sio = socketio_client()
        self.line: Line = SocketIoLine(self, self.sio) if transport == "socket.io" else WebSocketLine(self)

    async def connect(self, url: str, token: str, transports: tuple[str, ...] = ("websocket",)) -> None:
        """Connect and wait until signaling says `ready`."""
        auth = {"token": token, "device": {"id": self.device, "name": "a test", "kind": "agent"}}
        self.gone.clear()
        await self.line.connect(url, auth, transports)
        ready = await self.event("ready")
        assert ready == {"userId": self.user.id, "deviceId": self.device, "username": self.user.username}

    async def disconnect(self) -> None:
        """Close the connection; AssertionError if something that came over it breaks the schemas."""
        await self.line.disconnect()
        assert not self.wrong, self.wrong

    async def tell(self, frame: object) -> Any:  # noqa: ANN401 - whatever the answer is
        """Send a frame and wait for its answer: the acknowledgement, or the frame where there are none."""
        answer = await self.line.tell(frame)
        if answer:
            self._look_at(answer)
        return answer

    async def send(self, frame: object) -> None:
        """Send a frame and do not wait."""
        await self.line.send(frame)

    def got(self, frame: Frame) -> None:
        """A frame has come."""
        self._look_at(frame)
        self.frames.append(frame)
        self._news.set()

    def _look_at(self, frame: Frame) -> None:
        if wrong := problem(frame):
            self.wrong.append(wrong)

    async def ask(self, name: str, request_id: str | None = None, **rest: Any) -> Any:  # noqa: ANN401
        """Send a request and wait for its acknowledgement."""
        return await self.tell({"request": name, "requestID": request_id or secrets.token_hex(6), **rest})

    async def room(self) -> Frame:
        """A new room."""
        answer = await self.ask("createRoom", payload={})
        assert "payload" in answer, answer
        room: Frame = answer["payload"]
        await self.frame(lambda f: f.get("requestID") == answer["requestID"])
        return room

    async def invite(self, to: str, room: str, request_id: str = "invite-1", **rest: Any) -> None:  # noqa: ANN401
        """Send an invitation; its result comes as a frame."""
        frame = {"request": "invitation", "requestID": request_id, "to": to, "payload": {"room": room}, **rest}
        await self.send(frame)

    async def accept(self, ring: Frame) -> Any:  # noqa: ANN401
        """Answer a ring."""
        return await self.tell({"answer": "invitation", "requestID": ring["requestID"], "from": ring["from"]})

    async def decline(self, ring: Frame, error: int = 603) -> Any:  # noqa: ANN401
        """Decline a ring."""
        answer = {"answer": "invitation", "requestID": ring["requestID"], "from": ring["from"], "error": error}
        return await self.tell(answer)

    async def ring(self) -> Frame:
        """The next invitation that rings here."""
        return await self.frame(lambda f: f.get("request") == "invitation")

    async def event(self, name: str) -> Frame:
        """The payload of the next event of this name."""
        frame = await self.frame(lambda f: f.get("type") == "event" and f["payload"]["eventName"] == name)
        payload: Frame = frame["payload"]["payload"]
        return payload

    async def frame(self, wanted: Callable[[Frame], bool], within_s: float = 20.0) -> Frame:
        """The next frame that is wanted; those before it are passed over for good."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._taken < len(self.frames):
                        self._taken += 1
                        if wanted(self.frames[self._taken - 1]):
                            return self.frames[self._taken - 1]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no such frame at {self.device}; it got {self.frames}") from None

    async def settled(self) -> list[Frame]:
        """All frames so far, after everything that was sent to this device before now has arrived."""
        mark = secrets.token_hex(8)
        await self.tell({"request": "no such request", "requestID": mark})
        await self.frame(lambda f: f.get("requestID") == mark)
        return [f for f in self.frames if f.get("error") != 404 or "unknown request" not in f.get("message", "")]

    def rings(self) -> list[Frame]:
        """Invitations that ring here and have not been cancelled."""
        over = {f["requestID"] for f in self.frames if f.get("cancel") == "invitation"}
        return [f for f in self.frames if f.get("request") == "invitation" and f["requestID"] not in over]
