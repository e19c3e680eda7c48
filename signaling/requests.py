"""Serves the requests of devices: finds what they name, applies the rules, waits for the node where it must.

gateway -> **requests** -> keeper -> rules -> outbox -> devices and nodes

Every request has one answer, sent as a frame and given to the gateway for the acknowledgement.  An invitation's answer
comes when somebody ends it, so `serve` gives a future; the device's next frame need not wait for it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from typing import assert_never, cast

from .config import SignalingConfig
from .errors import NobodyReachable, NoNode, NotInAcl, ServerFault, SignalingError, TooFast, UnknownRoom
from .ice import IceServers
from .keeper import Keeper
from .log import FieldLog
from .nodes.book import Node
from .nodes.link import Nodes
from .open_requests import Key, OpenRequests
from .outbox import Outbox
from .qss import frames, replies, rooms
from .qss.devices import Device
from .qss.effects import Send
from .qss.frames import Outgoing
from .qss.identifiers import (
    DeviceId,
    DeviceRef,
    Instant,
    RequestId,
    RoomId,
    UserId,
    new_number,
    new_request_id,
    new_room_id,
    new_short_id,
)
from .qss.rooms import Member, Room, Standing
from .state import State
from .state.keys import ByInviter, ByMember, ByRequest, ByRing
from .store.users import User, Users
from .timers import Timers
from .tokens import RoomTokens

ROOMS_PER_USER = 100  # live rooms that a user has created (and is in); a person has one or two
PLACEMENTS = 2  # nodes that are tried for a new room before the requester is told 503
NUMBERS_TRIED = 20  # 8 digits: with a million rooms one in a hundred is taken

log = FieldLog(__name__)


class Requests:
    """What devices may ask for."""

    def __init__(
        self,
        *,
        config: SignalingConfig,
        state: State,
        users: Users,
        keeper: Keeper,
        nodes: Nodes,
        outbox: Outbox,
        open_requests: OpenRequests,
        tokens: RoomTokens,
        ice: IceServers,
    ) -> None:
        # Given to us.
        self._config = config
        self._state = state
        self._users = users
        self._keeper = keeper
        self._nodes = nodes
        self._outbox = outbox
        self._open = open_requests
        self._tokens = tokens
        self._ice = ice
        # Ours: the 404s that wait for their time.
        self._unreachable: dict[Key, Outgoing] = {}
        self._timers = Timers(self._on_unreachable)

    async def close(self) -> None:
        """Nobody is answered any more."""
        await self._timers.close()
        self._open.close()

    async def serve(self, device: Device, frame: frames.Incoming) -> asyncio.Future[Outgoing] | Outgoing | None:
        """Serve one frame: gives its answer, or the future of it, or None where none is due."""
        match frame:
            case frames.InvitationAnswer():
                return await self._answer(device.ref, frame)
            case frames.InvitationCancel():
                return await self._cancel(device.ref, frame)
            case frames.WacClose():
                return await self._once(device, RequestId(frame.id), frame)
            case frames.CreateRoom() | frames.JoinRoom() | frames.LeaveRoom() | frames.Invite():
                return await self._once(device, RequestId(frame.request_id), frame)
            case _:
                assert_never(frame)

    # --- one answer per request --------------------------------------------------------------------------------------

    async def _once(
        self, device: Device, request_id: RequestId, frame: frames.Request | frames.WacClose
    ) -> asyncio.Future[Outgoing] | Outgoing:
        key = (device.ref, request_id)
        if waiting := self._open.waiting(key):
            return waiting
        if given := await self._open.given(key, self._keeper.now()):
            await self.send(device.ref, given)
            return given
        future = self._open.open(key)
        await self._begin(device, key, frame)
        return future

    async def _begin(self, device: Device, key: Key, frame: frames.Request | frames.WacClose) -> None:
        due = self._keeper.now() + self._config.unreachable_after_s
        try:
            answer = await self._answer_of(device, frame)
        except NobodyReachable as error:
            self._unreachable[key] = refusal(frame, device.user, error)
            self._timers.arm(key, due)
            return
        except SignalingError as error:
            answer = refusal(frame, device.user, error)
        except Exception:
            log.fault("request_failed", frame=type(frame).__name__, user=device.user)
            answer = refusal(frame, device.user, ServerFault())
        if answer is not None:
            await self._finish(key, answer)

    async def _finish(self, key: Key, answer: Outgoing) -> None:
        if await self._open.conclude(key, answer, self._keeper.now()):
            await self.send(key[0], answer)

    async def _on_unreachable(self, key: Hashable) -> None:
        due = cast("Key", key)
        await self._finish(due, self._unreachable.pop(due))

    async def send(self, device: DeviceRef, frame: Outgoing) -> None:
        """Send a frame to a device, after all that was decided before."""
        await self._outbox.put((Send(device, frame),))

    async def _answer_of(self, device: Device, frame: frames.Request | frames.WacClose) -> Outgoing | None:
        match frame:
            case frames.CreateRoom():
                return await self._create_room(device, frame)
            case frames.JoinRoom():
                return await self._join_room(device, frame)
            case frames.LeaveRoom():
                return await self._leave_room(device, frame)
            case frames.Invite():
                return await self._invite(device, frame)
            case frames.WacClose():
                return await self._close_calls(device, frame)
            case _:
                raise ServerFault

    # --- rooms -------------------------------------------------------------------------------------------------------

    async def _create_room(self, device: Device, frame: frames.CreateRoom) -> Outgoing:
        if await self._rooms_created_by(device.user) >= ROOMS_PER_USER:
            raise TooFast(f"{ROOMS_PER_USER} rooms of yours are open already")
        refused = NoNode()
        for node in self._nodes.candidates()[:PLACEMENTS]:
            room = await self._placed(device.user, frame.payload, node)
            try:
                await self._nodes.open_room(room)
                await self._nodes.grant(room, room.members[0])
                return self._room_answer("createRoom", frame, await self._keeper.get(room.uuid), device.user)
            except NoNode as error:
                refused = error
                await self._keeper.destroy(room.uuid, "not opened")
            except UnknownRoom:
                refused = NoNode("the media server was lost")
        raise refused

    async def _rooms_created_by(self, user: UserId) -> int:
        found = [await self._state.rooms.get(room) for room in await self._state.rooms.find(ByMember(user))]
        return sum(room is not None and room.participants[0] == user for room in found)

    async def _placed(self, user: UserId, options: frames.CreateRoomOptions, node: Node) -> Room:
        """A new room on a node, kept already: nobody knows its id yet."""
        for _ in range(NUMBERS_TRIED):
            room = Room(
                uuid=new_room_id(),
                id=new_short_id(),
                number=new_number(),
                node=node.name,
                server=node.card.server,
                created_ms=time.time_ns() // 1_000_000,
                record=options.record,
                participants_limit=options.participants_limit,
                bitrate=options.bitrate,
                members=(Member(user, 1, Standing.MEMBER),),
                next_serial=2,
                keep_until=self._join_deadline(),
            )
            if await self._keeper.add(room):
                return room
        raise NoNode("no room number is free")

    async def _join_room(self, device: Device, frame: frames.JoinRoom) -> Outgoing:
        return self._room_answer("joinRoom", frame, await self._room(frame.payload), device.user)

    async def _leave_room(self, device: Device, frame: frames.LeaveRoom) -> Outgoing:
        room = await self._room(frame.payload)
        now = self._keeper.now()
        keep_until = Instant(now + self._config.room_keep_s)
        try:
            await self._keeper.change(room.uuid, lambda r: rooms.leave(r, device.ref, keep_until, now))
        except NotInAcl:
            log.debug("left_already", room=room.uuid, user=device.user)
        return frames.LeftRoom()

    def _room_answer(self, name: str, frame: frames.Request, room: Room, user: UserId) -> Outgoing:
        token = self._tokens.token(room.uuid, user, room.member(user).serial)
        reply = replies.room_reply(room, token, self._ice.for_user(user, time.time()))
        return frames.Answer(answer=name, request_id=frame.request_id, payload=reply)

    async def _room(self, named: frames.RoomPayload) -> Room:
        return await self._keeper.awaited(RoomId(named.uuid))

    def _join_deadline(self) -> Instant:
        return Instant(self._keeper.now() + self._config.join_within_s)

    # --- invitations -------------------------------------------------------------------------------------------------

    async def _invite(self, device: Device, frame: frames.Invite) -> Outgoing | None:
        """Ring somebody.  None: the answer comes when the invitation is over."""
        room = await self._room(frame.payload)
        room.member(device.user)
        invitee = await self._invitee(device, frame, room)
        ring_id = new_request_id()
        expires_at = Instant(self._keeper.now() + self._config.ring_timeout_s)
        change = await self._keeper.change(
            room.uuid,
            lambda r: rooms.invite(
                r, inviter=device.ref, frame=frame, invitee=invitee, ring_id=ring_id, expires_at=expires_at
            ),
        )
        try:
            await self._grant(change.room or room, invitee)
            await self._ring(room.uuid, ring_id, invitee)
        except NoNode:
            await self._keeper.change(room.uuid, lambda r: rooms.failed(r, ring_id, self._keeper.now()))
            raise
        except UnknownRoom:
            log.debug("room_over_while_inviting", room=room.uuid)  # which has answered the request
        return None

    async def _invitee(self, device: Device, frame: frames.Invite, room: Room) -> UserId:
        """Whom `to` means; raises NobodyReachable, the same for unknown, blocked and offline.

        Who is in the room already is no secret to its participants, hence 409 for him in any case.
        """
        caller = await self._users.by_id(device.user)
        user: User | None = await self._users.resolve(frame.to, caller.domain) if caller else None
        if user is None:
            raise NobodyReachable
        if room.has(user.id):
            return user.id
        online = await self._state.devices.of(user.id)
        if not user.receives_calls or not online:
            raise NobodyReachable
        return user.id

    async def _grant(self, room: Room, invitee: UserId) -> None:
        await self._outbox.flushed()  # a revoke of an earlier grant must reach the node first
        await self._nodes.grant(room, room.member(invitee))

    async def _ring(self, room: RoomId, ring_id: RequestId, invitee: UserId) -> None:
        devices = await self._online(invitee)
        change = await self._keeper.change(room, lambda r: rooms.granted(r, ring_id, devices, self._keeper.now()))
        if not devices and not change.refused:
            raise NobodyReachable
        if not change.refused:
            now_online = await self._online(invitee)
            await self._keeper.change(room, lambda r: rooms.online(r, ring_id, now_online, self._keeper.now()))

    async def _online(self, user: UserId) -> tuple[DeviceId, ...]:
        return tuple(device.ref.device for device in await self._state.devices.of(user))

    async def _answer(self, device: DeviceRef, frame: frames.InvitationAnswer) -> Outgoing | None:
        """Accept or decline.  An accept that comes too late is told so, whatever it crossed."""
        ring_id = RequestId(frame.request_id)
        for room in await self._state.rooms.find(ByRing(ring_id)):
            now = self._keeper.now()
            keep_until = self._join_deadline()
            change = await self._keeper.change(
                room,
                lambda r, k=keep_until, n=now: rooms.answer(r, ring_id, device, frame.error, k, n),  # type: ignore[misc]
            )
            if not change.refused:
                return None
        if frame.error is not None:
            return None
        late = frames.CancelInvitation(error=487, request_id=ring_id, to=device.user, from_=frame.from_)
        await self.send(device, late)
        return late

    async def _cancel(self, device: DeviceRef, frame: frames.InvitationCancel) -> Outgoing | None:
        request_id = RequestId(frame.request_id)
        for room in await self._state.rooms.find(ByRequest(device, request_id)):
            now = self._keeper.now()
            change = await self._keeper.change(room, lambda r, n=now: rooms.cancel(r, device, request_id, n))  # type: ignore[misc]
            if not change.refused:
                return None
        return frames.RefusedCancel(request_id=request_id)

    async def _close_calls(self, device: Device, frame: frames.WacClose) -> Outgoing:
        for room in await self._state.rooms.find(ByInviter(device.ref)):
            now = self._keeper.now()
            await self._keeper.change(room, lambda r, n=now: rooms.close_calls(r, device.ref, n))  # type: ignore[misc]
        return frames.WacResponse(payload=frames.WacResponse.Payload(id=frame.id))


REQUEST_NAMES: dict[type[frames.Request], str] = {
    frames.CreateRoom: "createRoom",
    frames.JoinRoom: "joinRoom",
    frames.LeaveRoom: "leaveRoom",
}


def refusal(frame: frames.Request | frames.WacClose, user: UserId, error: SignalingError) -> Outgoing:
    """A request's answer when it fails, in the envelope that the request came in."""
    match frame:
        case frames.WacClose():
            payload = frames.WacResponse.Payload(id=frame.id, error=error.code, message=error.message)
            return frames.WacResponse(payload=payload)
        case frames.Invite():
            return frames.InvitationResult(
                request_id=frame.request_id, from_=user, error=error.code, message=error.message
            )
        case _:
            name = REQUEST_NAMES[type(frame)]
            return frames.Answer(answer=name, request_id=frame.request_id, error=error.code, message=error.message)
