"""A participant without a screen: the library's front door.

program → **agent** → sapi, qss_client → call

    async with Agent("http://127.0.0.1:8080", user="alice", password="...") as agent:
        call = await agent.call("bob", player=await Player.open("clip.webm"))
        bob = await call.next_participant()
        frame = await bob.video.recv()
        await call.hang_up()
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

from aiortc import MediaStreamTrack

from agents.call import Call, Place
from agents.errors import AgentError, AnsweredElsewhere, ConfigError
from agents.link import within
from agents.peer import FIRST_SEATS
from agents.play import Player
from agents.qss_client import Frame, QssClient, raise_error
from agents.sapi import Account, Sapi, subject
from agents.seats import Participant

INVITATIONS_HELD: Final = 32
"""Unanswered ones; more are declined as busy."""
BUSY, DECLINED = 486, 603
NO_ANSWER_WITHIN_S: Final = 120.0
"""Signaling ends the ringing long before; this is for a signaling that never answers."""


class Invitation:
    """Somebody calls us, and it rings until `answer`, `decline`, or their change of mind."""

    def __init__(self, agent: Agent, frame: Frame) -> None:
        self._agent = agent
        self._frame = frame
        self.id = str(frame["requestID"])
        self.caller = str(frame["from"])
        """User id."""
        self.place = Place.read(frame.get("payload"))
        self.cancelled = asyncio.Event()
        """Set when it is over: the caller gave up, or another device answered."""

    async def answer(self, *, player: Player | None = None, tracks: Sequence[MediaStreamTrack] = ()) -> Call:
        """Accept and join, sending a clip or tracks of one's own; AnsweredElsewhere when it is over already."""
        return await self._agent._answer(self, self._frame, player, tracks)  # noqa: SLF001 - two halves of one thing

    async def decline(self, code: int = DECLINED) -> None:
        """Say no: 603, or 486 for busy."""
        await self._agent._decline(self, self._frame, code)  # noqa: SLF001


class Agent:
    """One device of one user.  A context manager: signed in and online inside, everything closed after."""

    def __init__(
        self,
        url: str,
        *,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        device_name: str = "agent",
        seats: int = FIRST_SEATS,
    ) -> None:
        if token is None and (user is None or password is None):
            raise ConfigError("an agent needs a user and a password, or a token")
        if not url.startswith(("http://", "https://")):
            raise ConfigError(f"{url!r} is no http:// or https:// address of signaling")
        self._user, self._password = user, password
        self._device = {"id": secrets.token_hex(8), "name": device_name, "kind": "agent"}
        self._sapi = Sapi(url, token=token)
        self._url = url
        self._seats = seats
        self._known_id = subject(token) if token else None
        self._qss: QssClient | None = None
        self.account: Account | None = None
        """Who we are, once signed in."""
        self._ringing: dict[str, Invitation] = {}
        self._invitations: asyncio.Queue[Invitation] = asyncio.Queue(INVITATIONS_HELD)
        self._calls: dict[str, Call] = {}
        self._answered: dict[str, Call] = {}
        self._ringing_at: dict[str, float] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        try:
            await self._sign_in()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up every call and go offline; again is harmless."""
        await asyncio.gather(*(call.hang_up() for call in list(self._calls.values())))
        for task in self._tasks:
            task.cancel()
        if self._qss is not None:
            await self._qss.close()
        await self._sapi.close()

    async def call(
        self,
        to: str,
        *,
        player: Player | None = None,
        tracks: Sequence[MediaStreamTrack] = (),
        audio: bool = True,
        video: bool = True,
    ) -> Call:
        """Invite a user (id, name, or name@domain) into a room of our own; returns once they accept.

        CallError says why they do not: Declined, NotAnswered, Unreachable.
        """
        room = await self._online().create_room()
        call = await self._join(Place.read(room), player, tracks)
        try:
            await self.invite(call, to, audio=audio, video=video)
        except BaseException:
            await asyncio.shield(self._hang_up(call))
            raise
        return call

    async def invite(self, call: Call, to: str, *, audio: bool = True, video: bool = True) -> None:
        """Ask one more user into a call that we are in; returns once they accept, CallError says why they do not."""
        await self._invite(self._online(), call, to, audio=audio, video=video)

    @property
    def qss(self) -> QssClient:
        """Our connection to signaling, for requests that have no method of their own here."""
        return self._online()

    async def next_invitation(self) -> Invitation:
        """The next invitation that still rings."""
        while True:
            invitation = await self._invitations.get()
            if not invitation.cancelled.is_set():
                return invitation

    async def names(self) -> dict[str, str]:
        """Names of the users of our domain by id; empty when signaling does not say."""
        try:
            return await self._sapi.names()
        except AgentError:
            return {}

    # Inside.

    async def _sign_in(self) -> None:
        if self._user is not None and self._password is not None:
            self.account = await self._sapi.sign_in(self._user, self._password)
        self._qss = QssClient(self._url, self._credentials, self)
        ready = await self._qss.connect()
        if self.account is None:
            user_id = str(ready.get("userId") or self._known_id or "")
            self.account = Account(user_id, str(ready.get("username") or self._user or user_id))

    async def _credentials(self) -> dict[str, Any]:
        return {"token": await self._sapi.token(), "device": self._device}

    def _online(self) -> QssClient:
        if self._qss is None:
            raise ConfigError("the agent is not signed in; use `async with Agent(...)`")
        return self._qss

    async def _join(self, place: Place, player: Player | None, tracks: Sequence[MediaStreamTrack]) -> Call:
        call = Call(self._online(), place, player=player, tracks=tracks, seats=self._seats)
        await call.join()
        self._calls[call.room] = call
        self._spawn(self._forget_when_over(call))
        return call

    async def _forget_when_over(self, call: Call) -> None:
        """A call that ended by itself is left properly, too."""
        await call.ended()
        await self._hang_up(call)

    async def _hang_up(self, call: Call) -> None:
        await call.hang_up()
        self._calls.pop(call.room, None)
        for request in [known for known, answered in self._answered.items() if answered is call]:
            del self._answered[request]

    async def _invite(self, qss: QssClient, call: Call, to: str, *, audio: bool, video: bool) -> None:
        loop = asyncio.get_running_loop()
        self._ringing_at.pop(call.room, None)
        started = loop.time()
        request, answer = qss.invite(to, call.room, audio=audio, video=video)
        try:
            async with asyncio.timeout(NO_ANSWER_WITHIN_S):
                frame = await answer
        except (TimeoutError, asyncio.CancelledError):
            await within(2, qss.cancel(request))
            raise
        finally:
            ringing = self._ringing_at.pop(call.room, None)
            if call.ring_ms is None and ringing is not None:
                call.ring_ms = (ringing - started) * 1000
        raise_error(frame)
        if call.accepted_at is None:
            call.accepted_at = loop.time()
            call.answer_ms = (call.accepted_at - started) * 1000

    async def _answer(
        self, invitation: Invitation, frame: Frame, player: Player | None, tracks: Sequence[MediaStreamTrack]
    ) -> Call:
        self._ringing.pop(invitation.id, None)
        if invitation.cancelled.is_set():
            raise AnsweredElsewhere(487, "the call was cancelled or answered on another device")
        accepted_at = asyncio.get_running_loop().time()
        qss = self._online()
        self._ringing[invitation.id] = invitation
        try:
            await qss.answer(frame)
            call = await self._join(invitation.place, player, tracks)
        finally:
            self._ringing.pop(invitation.id, None)
        if invitation.cancelled.is_set():
            await self._hang_up(call)
            raise AnsweredElsewhere(487, "the call was cancelled or answered on another device")
        call.accepted_at = accepted_at
        self._answered[invitation.id] = call
        return call

    async def _decline(self, invitation: Invitation, frame: Frame, code: int) -> None:
        self._ringing.pop(invitation.id, None)
        if not invitation.cancelled.is_set():
            invitation.cancelled.set()
            await self._online().answer(frame, error=code)

    def _spawn(self, work: Any) -> None:  # noqa: ANN401 - a coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # What signaling says.

    def invited(self, frame: Frame) -> None:
        """It rings; the same invitation may come again after a reconnect."""
        try:
            invitation = Invitation(self, frame)
        except (KeyError, AgentError):
            return
        if invitation.id in self._ringing or invitation.id in self._answered:
            return
        if self._invitations.full():
            self._spawn(invitation.decline(BUSY))
            return
        self._ringing[invitation.id] = invitation
        self._invitations.put_nowait(invitation)

    def cancelled(self, frame: Frame) -> None:
        """An invitation has ended without us."""
        request = str(frame.get("requestID"))
        if (invitation := self._ringing.pop(request, None)) is not None:
            invitation.cancelled.set()
        elif (call := self._answered.pop(request, None)) is not None:
            call.lose("the call was answered on another device")

    def rings_only(self, requests: frozenset[str]) -> None:
        """After a reconnection: what signaling does not list any more has stopped."""
        for request in [known for known in self._ringing if known not in requests]:
            self._ringing.pop(request).cancelled.set()

    def event(self, name: str, payload: Frame) -> None:
        """Ringing, and what becomes of rooms and of who is in them."""
        room = str(payload.get("roomId"))
        if name == "ringing":
            self._ringing_at.setdefault(room, asyncio.get_running_loop().time())
            return
        if name == "room-moved":
            self._rings_elsewhere(room, payload)
        if (call := self._calls.get(room)) is not None:
            self._call_event(call, name, payload)

    def _call_event(self, call: Call, name: str, payload: Frame) -> None:
        reason, user = str(payload.get("reason") or "no reason given"), str(payload.get("userId"))
        match name:
            case "room-destroyed":
                call.room_destroyed(reason)
            case "expelled":
                call.expelled(reason)
            case "participant-held":
                call.held.add(user)
            case "participant-unheld":
                call.held.discard(user)
            case "room-moved":
                self._spawn(self._follow(call, payload))
            case "transfer" if payload.get("kind") == "blind":
                call.handing_over(open_="error" not in payload)
            case "transferring-attended-transfer":
                self._spawn(self._move(call, payload.get("targetRoom")))

    def _rings_elsewhere(self, room: str, payload: Frame) -> None:
        for invitation in self._ringing.values():
            if invitation.place.room == room:
                with suppress(AgentError):
                    invitation.place = invitation.place.moved(payload)

    async def _follow(self, call: Call, payload: Frame) -> None:
        """Go on at another node; where that fails the call ends and says why."""
        try:
            await call.follow(call.place.moved(payload))
        except AgentError as error:
            call.lose(f"the room moved to another node, and there: {error}")

    async def _move(self, call: Call, room: object) -> None:
        """Follow an attended transfer; where it fails the call ends and says why."""
        try:
            place = Place.read(room)
            self._calls.pop(call.room, None)  # what the room we leave has to say concerns us no more
            self._calls[place.room] = call
            await call.move(place)
        except AgentError as error:
            call.lose(f"the transfer failed: {error}")


__all__ = ["Agent", "AgentError", "Call", "Invitation", "Participant", "Player"]
