"""A device at signaling: QSS frames over Socket.IO.

agent → **qss_client** → link → signaling

Requests are matched to their answers by `requestID` and sent again after a reconnect, which QSS allows: a repeated
one is answered the same and does nothing twice.  What comes unasked goes to the `Ear`.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Coroutine
from typing import Any, Final, Protocol

from agents.errors import AgentError, CallError, ProtocolError, SignInError, call_error
from agents.link import Connecting, Credentials, Link, Refused

ANSWER_WITHIN_S: Final = 10.0
READY_WITHIN_S: Final = 5.0

Frame = dict[str, Any]


class Ear(Protocol):
    """Who hears what signaling says unasked.  Must not wait."""

    def invited(self, frame: Frame) -> None:
        """Somebody invites us."""

    def cancelled(self, frame: Frame) -> None:
        """An invitation to us is over."""

    def rings_only(self, requests: frozenset[str]) -> None:
        """After a reconnection: of what rang here, only these still ring."""

    def event(self, name: str, payload: Frame) -> None:
        """Something happened in a room."""


class QssClient:
    """One device's connection to signaling."""

    def __init__(
        self, url: str, credentials: Credentials, ear: Ear, *, path: str = "/socket.io", connecting: Connecting = Link
    ) -> None:
        self.url = url.rstrip("/")
        self._link = connecting(self.url + path, credentials, self)
        self._ear = ear
        self._pending: dict[str, tuple[Frame, asyncio.Future[Frame]]] = {}
        self._leaving: asyncio.Future[Frame] | None = None
        self._was_up = False
        self._ready: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._sending: set[asyncio.Task[None]] = set()

    async def connect(self) -> Frame:
        """Go online; what the `ready` event says of us."""
        try:
            await self._link.open()
            async with asyncio.timeout(READY_WITHIN_S):
                return await asyncio.shield(self._ready)
        except Refused as refused:
            raise SignInError(f"signaling refuses this device: {refused}") from None
        except TimeoutError:
            raise SignInError(f"signaling at {self.url} accepted the device but does not say it is ready") from None

    async def close(self) -> None:
        """Go offline; again is harmless."""
        for task in self._sending:
            task.cancel()
        for _, answer in self._pending.values():
            answer.cancel()
        self._pending.clear()
        await self._link.close()

    # Requests.

    async def create_room(self) -> Frame:
        """A room of our own; its description."""
        return self._payload(await self.request("createRoom", {"payload": {}}), "createRoom")

    def invite(self, to: str, room: str, *, audio: bool, video: bool) -> tuple[str, asyncio.Future[Frame]]:
        """Ask a user into a room: the request's id, and the answer to come."""
        frame: Frame = {
            "request": "invitation",
            "requestID": new_request_id(),
            "to": to,
            "mediatypes": {"audio": audio, "video": video},
            "context": {"contextInfo": {}},
            "payload": {"room": room},
        }
        return frame["requestID"], self._begin(frame)

    async def answer(self, invitation: Frame, *, error: int | None = None) -> None:
        """Accept an invitation, or decline it with a code."""
        frame = {"answer": "invitation", "requestID": invitation["requestID"], "from": invitation["from"]}
        await self._link.send("message", frame if error is None else frame | {"error": error})

    async def cancel(self, request_id: str) -> None:
        """Take an invitation back."""
        self._pending.pop(request_id, None)
        await self._link.send("message", {"cancel": "invitation", "requestID": request_id, "error": 487})

    async def leave_room(self, room: str) -> None:
        """Leave a room and its ACL."""
        self._leaving = asyncio.get_running_loop().create_future()
        frame: Frame = {"request": "leaveRoom", "requestID": new_request_id(), "payload": {"room": room}}
        answer = self._begin(frame)
        try:
            # The vendor's frame has no requestID, so either may end this.
            await asyncio.wait({self._leaving, answer}, timeout=2, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._pending.pop(frame["requestID"], None)
            self._leaving.cancel()
            answer.cancel()

    async def hold(self, room: str, *, held: bool) -> None:
        """Stop our media both ways and keep our place, or go on."""
        await self.request("hold" if held else "unhold", {"payload": {"room": room}})

    async def transfer(self, room: str, to: str) -> None:
        """Hand our place to somebody; returns once they have accepted, CallError says why they do not."""
        raise_error(await self._begin(_asked("blindTransfer", {"payload": {"room": room, "to": to}})))

    async def transfer_to_room(self, room: str, participant: str, target: str) -> None:
        """Move a participant to another room of ours; returns once he is there."""
        payload = {"room": room, "participant": participant, "targetRoom": target}
        raise_error(await self._begin(_asked("attendedTransfer", {"payload": payload})))

    async def request(self, name: str, fields: Frame) -> Frame:
        """Send a request and wait for its answer; an error in it raises."""
        frame = _asked(name, fields)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                answer = await self._begin(frame)
        except TimeoutError:
            raise ProtocolError(f"signaling did not answer {name} within {ANSWER_WITHIN_S:g} s") from None
        finally:
            self._pending.pop(frame["requestID"], None)
        raise_error(answer)
        return answer

    def _begin(self, frame: Frame) -> asyncio.Future[Frame]:
        answer: asyncio.Future[Frame] = asyncio.get_running_loop().create_future()
        self._pending[frame["requestID"]] = (frame, answer)
        self._emit(frame)
        return answer

    def _emit(self, frame: Frame) -> None:
        self._spawn(self._link.send("message", frame))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    @staticmethod
    def _payload(answer: Frame, name: str) -> Frame:
        payload = answer.get("payload")
        if not isinstance(payload, dict):
            raise ProtocolError(f"the answer to {name} has no payload")
        return payload

    # What the link says.

    def link_up(self) -> None:
        """Ask again what had no answer when the link broke, and what still rings."""
        for frame, _ in self._pending.values():
            self._emit(frame)
        if self._was_up:
            self._spawn(self._ask_what_rings())
        self._was_up = True

    async def _ask_what_rings(self) -> None:
        try:
            answer = await self.request("currentInvitations", {"payload": {}})
        except AgentError:
            return  # lost again: asked at the next reconnection
        listed = (answer.get("payload") or {}).get("currentInvitations") or []
        self._ear.rings_only(frozenset(str(frame.get("requestID")) for frame in listed))

    def link_down(self) -> None:
        """Calls go on: media does not pass signaling."""

    def link_refused(self, data: object) -> None:
        """Tokens are renewed at the next attempt."""

    def link_event(self, name: str, data: object) -> None:
        """A frame, as an object or as its JSON text."""
        if name != "message":
            return
        frame = _parse(data)
        if frame is not None:
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        if frame.get("type") == "event":
            self._take_event(frame.get("payload"))
        elif frame.get("request") == "invitation":
            self._ear.invited(frame)
        elif frame.get("cancel") == "leaveRoom":
            _resolve(self._leaving, frame)
        elif "answer" in frame or "cancel" in frame:
            self._take_answer(frame)

    def _take_answer(self, frame: Frame) -> None:
        known = self._pending.pop(str(frame.get("requestID")), None)
        if known is not None:
            _resolve(known[1], frame)
        elif frame.get("cancel") == "invitation":
            self._ear.cancelled(frame)

    def _take_event(self, event: object) -> None:
        if not isinstance(event, dict):
            return
        name, payload = event.get("eventName"), event.get("payload")
        payload = payload if isinstance(payload, dict) else {}
        if name == "ready":
            _resolve(self._ready, payload)
        elif isinstance(name, str):
            self._ear.event(name, payload)


def raise_error(answer: Frame) -> None:
    """Raise what an answer or cancel frame says went wrong, if anything."""
    code = answer.get("error")
    if code is not None:
        raise call_error(code, answer.get("message")) if isinstance(code, int) else CallError(500, str(code))


def new_request_id() -> str:
    """21 URL-safe characters."""
    return secrets.token_urlsafe(16)[:21]


def _asked(name: str, fields: Frame) -> Frame:
    return {"request": name, "requestID": new_request_id(), **fields}


def _resolve(future: asyncio.Future[Frame] | None, frame: Frame) -> None:
    if future is not None and not future.done():
        future.set_result(frame)


def _parse(data: object) -> Frame | None:
    if isinstance(data, str):
        try:
            data = json.loads(data)
        except ValueError:
            return None
    return data if isinstance(data, dict) else None
