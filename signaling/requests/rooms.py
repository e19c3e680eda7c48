"""`createRoom`, `joinRoom`, `getRooms`, `leaveRoom`, `destroyRoom`."""

from __future__ import annotations

from common.log import FieldLog

from ..errors import NoNode, NotInAcl, UnknownRoom
from ..nodes.book import Node
from ..qss import frames
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.frames import Outgoing
from ..qss.identifiers import UserId
from ..qss.room import Room
from .making import add_room, check_not_too_many, rooms_of
from .parts import Parts, done

PLACEMENTS = 2  # nodes that are tried for a new room before the requester is told 503

log = FieldLog(__name__)


async def create_room(parts: Parts, device: Device, frame: frames.CreateRoom) -> Outgoing:
    """A new room on the least loaded node that takes it."""
    await check_not_too_many(parts, device.user)
    refused = NoNode()
    for node in (await parts.nodes.candidates())[:PLACEMENTS]:
        room = await _placed(parts, device.user, frame.payload, node)
        try:
            await parts.nodes.open_room(room)
            await parts.nodes.grant(room, room.members[0])
            return _room_answer(parts, frame, await parts.keeper.get(room.uuid), device.user)
        except NoNode as error:
            refused = error
            await parts.keeper.destroy(room.uuid, "not opened")
        except UnknownRoom:
            refused = NoNode("the media server was lost")
    raise refused


async def join_room(parts: Parts, device: Device, frame: frames.JoinRoom) -> Outgoing:
    """The room again, with one's own token."""
    return _room_answer(parts, frame, await parts.room(frame.payload), device.user)


async def get_rooms(parts: Parts, device: Device, frame: frames.GetRooms) -> Outgoing:
    """Every room whose ACL has the requester."""
    found = [room for room in await rooms_of(parts, device.user) if not room.is_lobby]
    reply = frames.RoomsReply(rooms=tuple(parts.room_reply(room, device.user) for room in found))
    return frames.Answer(answer=frame.name, request_id=frame.request_id, payload=reply)


async def leave_room(parts: Parts, device: Device, frame: frames.LeaveRoom) -> Outgoing:
    """Out of the ACL and the media; again is as good."""
    room = await parts.room(frame.payload)
    now, keep_until = parts.keeper.now(), parts.emptied_until()
    try:
        await parts.keeper.change(room.uuid, lambda r: rooms.leave(r, device.ref, keep_until, now))
    except NotInAcl:
        log.debug("left_already", room=room.uuid, user=device.user)
    return frames.LeftRoom()


async def destroy_room(parts: Parts, device: Device, frame: frames.DestroyRoom) -> Outgoing:
    """The room ends for everybody."""
    room, now = await parts.room(frame.payload), parts.keeper.now()
    await parts.keeper.change(room.uuid, lambda r: rooms.demolish(r, device.ref, now))
    return done(frame)


async def _placed(parts: Parts, user: UserId, options: frames.CreateRoomOptions, node: Node) -> Room:
    """A new room on a node, kept already: nobody knows its id yet."""
    return await add_room(parts, user, options, node.name, node.card.server, parts.joined_until())


def _room_answer(parts: Parts, frame: frames.Request, room: Room, user: UserId) -> Outgoing:
    return frames.Answer(answer=frame.name, request_id=frame.request_id, payload=parts.room_reply(room, user))
