"""Ringing somebody: from whom a reference means to devices that ring.

calls, asking, transfers -> **ringing** -> keeper -> rules
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from common.log import FieldLog

from ..errors import NobodyReachable, UnknownRoom
from ..qss import rules as rooms
from ..qss.identifiers import RequestId, RoomId, UserId, new_request_id
from ..qss.membership import Passage, after
from ..qss.offer import Offer
from ..qss.room import Member, Room
from ..store.values import Called
from .parts import Parts

GROUP_RUNG = 100  # members of a group that are rung at once; a room has as many places unless it says more

log = FieldLog(__name__)


async def reachable(parts: Parts, offer: Offer, called: Called | None, room: Room | None) -> Offer:
    """The offer to those who can be rung; raises NobodyReachable, the same for unknown, blocked and offline.

    Who is in the room or rung to it already is no secret to its participants, and counts: the rules say 409 for him.
    """
    caller = offer.inviter.user
    users = [user for user in called.users if not called.is_group or user.id != caller] if called else []
    present = [user.id for user in users if room is not None and after(room.standing(user.id), Passage.INVITE) is None]
    free = [user for user in users if user.receives_calls and user.id not in present]
    rings = [user for user in free if await parts.state.devices.of(user.id)]
    if not rings and not present:
        raise NobodyReachable
    return replace(offer, users=(*(user.id for user in rings[:GROUP_RUNG]), *present))


async def ring(parts: Parts, room: RoomId, offer: Offer, *, media: bool = True) -> RequestId:
    """Open an invitation and ring it; gives its ring id.  Its result comes by the rules, or as what this raises.

    TooFast if the inviter rings too much.
    """
    parts.rings.take(offer.inviter.user, offer.users, parts.keeper.now())
    ring_id, now, expires_at = new_request_id(), parts.keeper.now(), parts.rung_until()
    change = await parts.keeper.change(
        room, lambda r: rooms.invite(r, offer, ring_id=ring_id, now=now, expires_at=expires_at)
    )
    try:
        given = await _granted(parts, change.room, ring_id) if media and change.room else ()
        await _rung(parts, room, ring_id, offer.users, given)
    except UnknownRoom:
        log.debug("room_over_while_inviting", room=room)  # which has answered the request
    return ring_id


async def _granted(parts: Parts, admitted: Room, ring_id: RequestId) -> tuple[Member, ...]:
    """Have the node admit the invited users, as the ACL has them now; raises NoNode."""
    room = await parts.keeper.get(admitted.uuid)
    invitation = room.invitation(lambda i: i.ring_id == ring_id)
    members = tuple(room.member(user) for user in invitation.invitees) if invitation else ()
    outcomes = await asyncio.gather(*(parts.nodes.grant(room, m) for m in members), return_exceptions=True)
    wrong = next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None)
    if wrong is not None:
        await parts.keeper.change(room.uuid, lambda r: rooms.failed(r, ring_id, parts.keeper.now(), members))
        raise wrong
    return members


async def _rung(
    parts: Parts, room: RoomId, ring_id: RequestId, users: tuple[UserId, ...], given: tuple[Member, ...]
) -> None:
    devices = await parts.online(users)
    change = await parts.keeper.change(room, lambda r: rooms.granted(r, ring_id, devices, parts.keeper.now(), given))
    if change.refused:
        return
    if change.room is None or change.room.invitation(lambda i: i.ring_id == ring_id) is None:
        raise NobodyReachable  # they all went offline meanwhile
    now_online = await parts.online(users)
    await parts.keeper.change(room, lambda r: rooms.online(r, ring_id, now_online, parts.keeper.now()))
