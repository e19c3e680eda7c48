"""`inviteRequest`: somebody asks to be invited, and is.

The request waits in a *lobby*, a room of the asker's without media, as an invitation of its own kind; so it rings,
expires and is cancelled as invitations are.  An `invitation` that carries its requestID in `inReplyTo` grants it.
"""

from __future__ import annotations

from dataclasses import dataclass

from common.log import FieldLog

from ..errors import Already, UnknownInviteRequest, UnknownRoom
from ..qss import frames
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.frames import CreateRoomOptions, Outgoing, Server
from ..qss.identifiers import Instant, RequestId, RoomId
from ..qss.invitations import Invitation, Kind
from ..qss.offer import Offer
from ..qss.room import Room
from ..state.keys import ByInviter, ByRing
from ..store.values import Called
from .making import add_room, check_not_too_many
from .parts import Parts
from .ringing import reachable, ring

NOWHERE = Server(https="", wss="")
BEFORE_IT_RINGS_S = 10.0
"""For so long a lobby is kept without a request in it: from being made until it rings, however busy the machine is."""

log = FieldLog(__name__)


@dataclass(frozen=True, slots=True)
class Request:
    """An open request to be invited, and the lobby where it waits."""

    lobby: RoomId
    invitation: Invitation


async def invite_request(parts: Parts, device: Device, frame: frames.InviteRequest) -> Outgoing | None:
    """Ask somebody to invite the requester.  None: the answer comes when he does, or does not."""
    called = await parts.directory.resolve(frame.to, device.domain)
    offer = Offer(
        kind=Kind.INVITE_REQUEST,
        request_id=RequestId(frame.request_id),
        inviter=device.ref,
        to=called.id if called else frame.to,
        users=tuple(user.id for user in called.users) if called else (),
        mediatypes=frame.mediatypes,
        context=frame.context,
    )
    offer = await reachable(parts, offer, called, None)
    await _check_not_asking(parts, device, offer)
    await check_not_too_many(parts, device.user)
    keep_until = Instant(parts.keeper.now() + BEFORE_IT_RINGS_S)
    lobby = await add_room(parts, device.user, CreateRoomOptions(), "", NOWHERE, keep_until)
    await ring(parts, lobby.uuid, offer, media=False)
    return None


async def open_request(parts: Parts, device: Device, frame: frames.Invite, called: Called | None) -> Request | None:
    """The request that an invitation grants, if it says so; raises UnknownInviteRequest if it is not open here."""
    if not frame.payload.in_reply_to:
        return None
    ring_id = RequestId(frame.payload.in_reply_to)
    for uuid in await parts.state.rooms.find(ByRing(ring_id)):
        lobby = await parts.state.rooms.get(uuid)
        found = lobby.invitation(lambda i: i.ring_id == ring_id) if lobby else None
        if found and _is_for(found, device, called, parts):
            return Request(uuid, found)
    raise UnknownInviteRequest(ring_id)


async def grant_request(parts: Parts, device: Device, asked: Request, room: Room, offer: Offer) -> None:
    """Of all devices that could grant a request, this one does; raises what would refuse its invitation."""
    now, ring_id = parts.keeper.now(), asked.invitation.ring_id
    rooms.invite(room, offer, ring_id=ring_id, now=now, expires_at=now)  # raises, or would be possible
    try:
        change = await parts.keeper.change(asked.lobby, lambda r: rooms.grant_request(r, ring_id, device.ref, now))
    except UnknownRoom:
        raise UnknownInviteRequest(ring_id) from None
    if change.refused:
        raise UnknownInviteRequest(ring_id)


def _is_for(request: Invitation, device: Device, called: Called | None, parts: Parts) -> bool:
    asker = request.inviter.user
    rings = device.ref in request.ringing(parts.keeper.now())
    return request.kind is Kind.INVITE_REQUEST and rings and called is not None and called.id == asker


async def _check_not_asking(parts: Parts, device: Device, offer: Offer) -> None:
    for uuid in await parts.state.rooms.find(ByInviter(device.ref)):
        room = await parts.state.rooms.get(uuid)
        if room is not None and room.is_lobby and room.invitation(lambda i: i.to == offer.to):
            raise Already("asked already")
