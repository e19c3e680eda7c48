"""Invitations in a room: the rules that open them, let things happen to them, and keep the ACL in line with them.

requests, keeper -> **inviting** -> invitations (the machine), telling, departing
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from ..errors import Already, RoomFull, RoomLocked
from .admitting import admissible, admit, stepped, with_a_place
from .departing import depart, left_event, settled, vacated
from .effects import Conclude, Effect, Grant, Revoke
from .events import TransferState
from .identifiers import DeviceRef, Instant, RequestId, UserId
from .invitations import (
    Accept,
    Cancel,
    Decline,
    DeviceCame,
    DeviceGone,
    Expire,
    Fail,
    Granted,
    Happening,
    Invitation,
    Kind,
    Refuse,
    Remove,
    State,
)
from .membership import Passage
from .offer import Offer
from .room import Change, Member, Room
from .telling import concluded, recorded, rung, stopped, transfer_told

TRANSFERRED = "transferred"


def invite(room: Room, offer: Offer, *, ring_id: RequestId, now: Instant, expires_at: Instant) -> Change:
    """Admit the invited users and open the invitation; `granted` rings it once the node has their grants.

    Of a group those who are in the room already are not called, and no more than there are places.
    """
    room.attending(offer.inviter.user)
    if room.locked:
        raise RoomLocked
    room = stepped(room, offer.inviter.user, Passage.ACT)
    invitees = _invitees(room, offer.users)
    invitation = Invitation(
        ring_id=ring_id,
        request_id=offer.request_id,
        inviter=offer.inviter,
        to=offer.to,
        asked=invitees,
        invitees=invitees,
        mediatypes=offer.mediatypes,
        context=offer.context,
        created_at=now,
        expires_at=expires_at,
        kind=offer.kind,
        in_reply_to=offer.in_reply_to,
    )
    admitting, _ = admit(room, invitees, Passage.INVITE)
    # A lobby is there for its request alone, and ends with it.
    keep_until = now if room.is_lobby else room.keep_until
    following = replace(admitting, invitations=(*room.invitations, invitation), keep_until=keep_until)
    return Change(following, tuple(transfer_told(following, invitation, "started")))


def _invitees(room: Room, users: tuple[UserId, ...]) -> tuple[UserId, ...]:
    """Who of `users` is to be rung."""
    wanted = admissible(room, users, Passage.INVITE)
    if not wanted:
        raise Already("in the room or invited to it already")
    invitees = with_a_place(room, wanted)
    if not invitees:
        raise RoomFull(room.participants_limit)
    return invitees


def granted(
    room: Room, ring_id: RequestId, devices: Iterable[DeviceRef], now: Instant, given: Iterable[Member] = ()
) -> Change:
    """The node has the grants: ring every device that is online, and say `ringing` once for each user.

    `given` are the members as they were granted: whoever has left or changed meanwhile is put right at the node.
    """
    invitation = room.invitation(_by_ring(ring_id))
    asked = invitation.invitees if invitation else ()
    online_now = tuple(device for device in devices if device.user in asked)
    change = _happen(room, _by_ring(ring_id), Granted(online_now) if online_now else Fail(404), now)
    return _put_right(room, given, change)


def _put_right(room: Room, given: Iterable[Member], change: Change) -> Change:
    """The node has these grants; `change` follows.  A room that is over has none to put right."""
    if change.room is None:
        return change
    return replace(change, effects=(*_wrong(room, given), *change.effects))


def _wrong(room: Room, given: Iterable[Member]) -> Iterable[Effect]:
    for member in given:
        current = room.member(member.user) if room.has(member.user) else None
        if current is None:
            yield Revoke(room.node, room.uuid, member.user, "not in the ACL")
        elif (current.serial, current.rights) != (member.serial, member.rights):
            yield Grant(room.node, room.uuid, current.user, current.serial, current.rights)


def failed(room: Room, ring_id: RequestId, now: Instant, given: Iterable[Member] = ()) -> Change:
    """The node took no grant in time, but may have taken it all the same."""
    return _put_right(room, given, _happen(room, _by_ring(ring_id), Fail(503), now))


def online(room: Room, ring_id: RequestId, devices: Iterable[DeviceRef], now: Instant) -> Change:
    """Bring the candidates in line with the devices that are online: some came or went while the node was awaited."""
    here = frozenset(devices)
    invitation = room.invitation(_by_ring(ring_id))
    ringing = frozenset(invitation.ringing(now)) if invitation else frozenset()
    happenings: list[Happening] = [DeviceCame(device) for device in sorted(here - ringing)]
    happenings += [DeviceGone(device, now) for device in sorted(ringing - here)]
    change = Change(room)
    for happening in happenings:
        change = _then(change, _by_ring(ring_id), happening, now)
    return change


def device_came(room: Room, device: DeviceRef, now: Instant) -> Change:
    """A device of a user who is being rung connects: it rings too."""
    return _happen(room, _for(device.user), DeviceCame(device), now)


def device_gone(room: Room, device: DeviceRef, kept_until: Instant, now: Instant) -> Change:
    """A ringing device disconnects."""
    return _happen(room, _for(device.user), DeviceGone(device, kept_until), now)


def answer(
    room: Room, ring_id: RequestId, device: DeviceRef, error: int | None, keep_until: Instant, now: Instant
) -> Change:
    """A rung device accepts or declines.  `keep_until`: how long the room waits for the media of who accepted."""
    if _accepted_here(room, ring_id, device):
        return Change(room)
    if error is not None:
        return _happen(room, _by_ring(ring_id), Decline(device, error), now)
    if room.is_lobby:
        return Change(room, refused=True)  # a request to be invited is granted by an invitation
    waiting = replace(room, keep_until=max(room.keep_until, keep_until))
    change = _happen(waiting, _by_ring(ring_id), Accept(device), now)
    return Change(room, refused=True) if change.refused else change


def grant_request(lobby: Room, ring_id: RequestId, device: DeviceRef, now: Instant) -> Change:
    """A device that was asked for an invitation is about to send it: it wins over the others that were asked."""
    return _happen(lobby, _by_ring(ring_id), Accept(device), now)


def cancel(room: Room, inviter: DeviceRef, request_id: RequestId, now: Instant) -> Change:
    """The inviter takes her invitation back."""
    return _happen(room, lambda i: i.inviter == inviter and i.request_id == request_id, Cancel(), now)


def close_calls(room: Room, inviter: DeviceRef, now: Instant) -> Change:
    """The WAC request `close`: the device's unanswered invitations end as if their time were over."""
    return settled(each(room, [i for i in room.invitations if i.inviter == inviter], lambda _: Expire(), now), now)


# --- for the other rules ---------------------------------------------------------------------------------------------


def each(
    room: Room, invitations: Iterable[Invitation], happening: Callable[[Invitation], Happening], now: Instant
) -> Change:
    """Let something happen to some of the room's invitations, without seeing whether the room lives on."""
    change = Change(room)
    for invitation in invitations:
        change = _then(change, _by_ring(invitation.ring_id), happening(invitation), now)
    return change


def cancel_all(change: Change, inviter: UserId, now: Instant, *, own: DeviceRef | None) -> Change:
    """Cancel what a user has open; the device that ended it itself (`own`) is not told, the others are."""
    if change.room is None:
        return change
    invitations = [i for i in change.room.invitations if i.inviter.user == inviter]
    cancelled = change.then(lambda room: each(room, invitations, lambda _: Cancel(), now))
    return replace(cancelled, effects=tuple(_also_told(effect, own) for effect in cancelled.effects))


def refuse(room: Room, user: UserId, now: Instant) -> Change:
    """A rung user says no for all his devices."""
    return settled(each(room, filter(_for(user), room.invitations), lambda _: Refuse(user), now), now)


def remove(room: Room, user: UserId, now: Instant) -> Change:
    """A rung user is taken out of the ACL."""
    change = each(room, filter(_for(user), room.invitations), lambda _: Remove(user), now)
    return replace(change, effects=tuple(_also_told(effect, None) for effect in change.effects))


# --- how a rule comes together ---------------------------------------------------------------------------------------


def _also_told(effect: Effect, own: DeviceRef | None) -> Effect:
    return replace(effect, told=True) if isinstance(effect, Conclude) and effect.inviter != own else effect


def _by_ring(ring_id: RequestId) -> Callable[[Invitation], bool]:
    return lambda invitation: invitation.ring_id == ring_id


def _for(user: UserId) -> Callable[[Invitation], bool]:
    return lambda invitation: user in invitation.invitees


def _accepted_here(room: Room, ring_id: RequestId, device: DeviceRef) -> bool:
    return any(m.user == device.user and m.answered == (ring_id, device.device) for m in room.members)


def _happen(room: Room, wanted: Callable[[Invitation], bool], happening: Happening, now: Instant) -> Change:
    """Let `happening` happen to the wanted invitation, tell who is to be told, and see whether the room lives."""
    change = _happening(room, wanted, happening, now)
    return change if change.refused else settled(change, now)


def _then(change: Change, wanted: Callable[[Invitation], bool], happening: Happening, now: Instant) -> Change:
    return change.then(lambda room: _happening(room, wanted, happening, now))


def _happening(room: Room, wanted: Callable[[Invitation], bool], happening: Happening, now: Instant) -> Change:
    before = room.invitation(wanted)
    after = before.after(happening, now) if before else None
    if before is None or after is None:
        return Change(room, refused=True)
    following = _acl_after(_with(room, before, after), before, after)
    effects: list[Effect] = [] if after.is_open else [*concluded(after), *recorded(after, room, now)]
    effects += stopped(before, after, happening, now)
    effects += _out(room, following, before)
    effects += rung(following, after, happening)
    effects += transfer_told(following, after, _transfer_state(after)) if before.state is not after.state else ()
    change = Change(following, tuple(effects))
    return _handed_over(change, after, now) if after.state is State.ACCEPTED else change


def _with(room: Room, before: Invitation, after: Invitation) -> Room:
    others = tuple(i for i in room.invitations if i is not before)
    return replace(room, invitations=(*others, after) if after.is_open else others)


def _acl_after(room: Room, before: Invitation, after: Invitation) -> Room:
    """Who accepted is a member; whoever else is no longer asked leaves the ACL, and his token dies."""
    stays = set(after.invitees) if after.is_open else set()
    if after.winner is not None and after.kind is not Kind.INVITE_REQUEST:
        stays.add(after.winner.user)
        room = stepped(room, after.winner.user, Passage.ACCEPT, answered=(after.ring_id, after.winner.device))
    for user in before.invitees:
        if user not in stays:
            room = stepped(room, user, Passage.UNASK)
    return room


def _out(room: Room, following: Room, before: Invitation) -> Iterable[Effect]:
    for user in before.invitees:
        if following.has(user) or room.is_lobby:
            continue
        for peer in room.peers_of(user):
            yield left_event(following, user, peer.peer, "invitation over")
        yield Revoke(room.node, room.uuid, user, "invitation over")


def _transfer_state(invitation: Invitation) -> TransferState:
    if invitation.is_open:
        return "ringing"
    return "completed" if invitation.state is State.ACCEPTED else "failed"


def _handed_over(change: Change, over: Invitation, now: Instant) -> Change:
    """A blind transfer that was accepted takes the inviter out."""
    room = change.room
    if over.kind is not Kind.BLIND_TRANSFER or room is None:
        return change
    inviter = over.inviter
    gone = change.then(lambda r: depart(r, inviter.user, TRANSFERRED, now, skip=inviter))
    return vacated(cancel_all(gone, inviter.user, now, own=None), room, room.keep_until)
