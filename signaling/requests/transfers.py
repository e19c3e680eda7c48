"""`blindTransfer` and `attendedTransfer`."""

from __future__ import annotations

from common.log import FieldLog

from ..errors import NotInAcl, UnknownRoom
from ..qss import frames
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.effects import Tell
from ..qss.events import SentOver, event
from ..qss.frames import Outgoing
from ..qss.identifiers import RequestId, RoomId, UserId
from ..qss.invitations import Kind
from ..qss.offer import Offer
from ..qss.room import Room
from .calls import with_reachable
from .parts import Parts
from .ringing import ring

log = FieldLog(__name__)


async def blind_transfer(parts: Parts, device: Device, frame: frames.BlindTransfer) -> Outgoing | None:
    """Invite somebody to take the requester's place.  None: the answer comes when that is over."""
    room = await parts.attended(frame.payload, device.user)
    called = await parts.directory.resolve(frame.payload.to, device.domain)
    offer = Offer(
        kind=Kind.BLIND_TRANSFER,
        request_id=RequestId(frame.request_id),
        inviter=device.ref,
        to=called.id if called else frame.payload.to,
        users=tuple(user.id for user in called.users) if called else (),
        mediatypes=frame.mediatypes,
        context=frame.context,
    )
    await ring(parts, room.uuid, await with_reachable(parts, offer, called, room, frame.payload.to))
    return None


async def attended_transfer(parts: Parts, device: Device, frame: frames.AttendedTransfer) -> Outgoing | None:
    """Move a participant to another room of the requester's.  None: the answer comes when he is there, or is not."""
    asked = frame.payload
    source = await parts.attended(asked, device.user)
    user = await parts.one_user(device, asked.participant)
    source.attending(user)
    target, expires_at = RoomId(asked.target_room), parts.joined_until()
    change = await parts.keeper.change(
        target,
        lambda r: rooms.expect(
            r,
            by=device.ref,
            request_id=RequestId(frame.request_id),
            user=user,
            source=source.uuid,
            expires_at=expires_at,
        ),
    )
    await _announce(parts, device, source.uuid, user)
    if change.room is not None:
        await _send_over(parts, device, source.uuid, change.room, user)
    return None


async def _announce(parts: Parts, device: Device, source: RoomId, user: UserId) -> None:
    try:
        await parts.keeper.change(source, lambda r: rooms.announced(r, device.user, user))
    except (UnknownRoom, NotInAcl):
        log.debug("left_before_transfer", room=source, user=user)  # he may arrive all the same


async def _send_over(parts: Parts, device: Device, source: RoomId, target: Room, user: UserId) -> None:
    """Tell the participant's devices where to go, with a token of his own."""
    room = parts.room_reply(target, user)
    told = SentOver(room_id=source, user_id=user, by=device.user, target_room=room)
    await parts.carry_out(Tell((user,), event(told)))
