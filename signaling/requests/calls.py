"""`invitation` from the inviter, the WAC request `close`, and `currentInvitations`."""

from __future__ import annotations

from dataclasses import replace

from ..errors import NobodyReachable
from ..qss import frames, replies
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.effects import Record
from ..qss.frames import Outgoing
from ..qss.identifiers import RequestId, new_request_id
from ..qss.invitations import Invitation
from ..qss.offer import Offer
from ..qss.room import Room
from ..qss.telling import never_rung
from ..state.keys import ByInvitee, ByInviter
from ..store.values import Called
from .asking import Request, grant_request, open_request
from .parts import Parts
from .ringing import reachable, ring


async def invite(parts: Parts, device: Device, frame: frames.Invite) -> Outgoing | None:
    """Ring somebody.  None: the answer comes when the invitation is over."""
    room = await parts.attended(frame.payload, device.user)
    called = await parts.directory.resolve(frame.to, device.domain)
    asked = await open_request(parts, device, frame, called)
    offer = await _offer(parts, device, frame, called, room, asked)
    if asked is not None:
        await grant_request(parts, device, asked, room, offer)
    await ring(parts, room.uuid, offer)
    return None


async def _offer(
    parts: Parts, device: Device, frame: frames.Invite, called: Called | None, room: Room, asked: Request | None
) -> Offer:
    offer = Offer(
        request_id=RequestId(frame.request_id),
        inviter=device.ref,
        to=called.id if called else frame.to,
        users=tuple(user.id for user in called.users) if called else (),
        mediatypes=frame.mediatypes,
        context=frame.context,
        in_reply_to=asked.invitation.request_id if asked else None,
    )
    return await with_reachable(parts, offer, called, room, frame.to)


async def with_reachable(parts: Parts, offer: Offer, called: Called | None, room: Room, reference: str) -> Offer:
    """The offer to those who can be rung; raises NobodyReachable, which history is told of.

    It is told the reference as it was given, so that it does not say which names mean somebody.
    """
    try:
        return await reachable(parts, offer, called, room)
    except NobodyReachable:
        given = replace(offer, to=reference)
        await parts.carry_out(Record(never_rung(given, new_request_id(), room.uuid, parts.keeper.now())))
        raise


async def close_calls(parts: Parts, device: Device, frame: frames.WacClose) -> Outgoing:
    """The device's unanswered invitations end with 408."""
    await end_calls(parts, device)
    return frames.WacResponse(payload=frames.WacResponseBody(id=frame.id))


async def end_calls(parts: Parts, device: Device) -> None:
    """The device's unanswered invitations end as if their time were over."""
    for room in await parts.state.rooms.find(ByInviter(device.ref)):
        now = parts.keeper.now()
        await parts.keeper.change(room, lambda r, n=now: rooms.close_calls(r, device.ref, n))  # type: ignore[misc]


async def current_invitations(parts: Parts, device: Device, frame: frames.CurrentInvitations) -> Outgoing:
    """The frames of what rings at this device."""
    now = parts.keeper.now()
    rings = []
    for uuid in await parts.state.rooms.find(ByInvitee(device.user)):
        room = await parts.state.rooms.get(uuid)
        if room is not None:
            rings += [_frame(parts, device, room, i) for i in room.invitations if device.ref in i.ringing(now)]
    reply = frames.InvitationsReply(current_invitations=tuple(rings))
    return frames.Answer(answer=frame.name, request_id=frame.request_id, payload=reply)


def _frame(parts: Parts, device: Device, room: Room, invitation: Invitation) -> frames.Ringing | frames.RingingRequest:
    user = device.user
    return replies.ring(room, invitation, user, parts.token(room, user), parts.ice_for(user))
