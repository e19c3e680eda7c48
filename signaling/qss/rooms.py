"""One room and everything that may happen to it: the rules of ACL, media, invitations and the room's end.

requests, nodes, timers -> **rooms** (a new Room and effects) -> state, outbox

A Room is a frozen value.  Each rule takes one (and the time) and gives a `Change`: the room that follows, or None
when it is over, and what is to be done.  The state applies a rule to a room as one step, so that of two devices
that accept at once exactly one finds the invitation ringing.

A room lives while somebody's media is connected, or an invitation is open, or until `keep_until`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial

from ..errors import Already, NotInAcl, RoomFull
from .effects import CloseRoom, Conclude, Effect, Grant, Revoke, Ring, Send, Tell
from .frames import CancelInvitation, InvitationResult, Invite, Server, event
from .identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, RoomId, UserId
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
    Refuse,
    State,
    Withdraw,
)

LOST = "connection lost"  # the node's word for a participant who may come back
MEDIA_SERVER_LOST = "media server lost"
EMPTY = "empty"


class Standing(enum.Enum):
    """How a user stands in the ACL."""

    MEMBER = "member"  # created the room, accepted, or was seen in it
    INVITED = "invited"  # his devices ring
    UNSURE = "unsure"  # found at a node after our restart without media: may be invited again


@dataclass(frozen=True, slots=True)
class Member:
    """A user in the ACL.  `serial` tells his grants apart: each makes another token."""

    user: UserId
    serial: int
    standing: Standing
    answered: tuple[RequestId, DeviceId] | None = None
    """The invitation he accepted and on which device, so that the accept may be repeated."""


@dataclass(frozen=True, slots=True, order=True)
class Peer:
    """One media connection of a user."""

    user: UserId
    peer: PeerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Where media meets; the ACL in the order of admission, the creator first."""

    uuid: RoomId
    id: str
    number: str
    node: str
    server: Server
    created_ms: int
    record: bool
    participants_limit: int
    bitrate: int
    members: tuple[Member, ...]
    next_serial: int
    keep_until: Instant
    peers: frozenset[Peer] = frozenset()
    invitations: tuple[Invitation, ...] = ()

    def member(self, user: UserId) -> Member:
        """The user's entry in the ACL; raises NotInAcl."""
        for member in self.members:
            if member.user == user:
                return member
        raise NotInAcl

    def has(self, user: UserId) -> bool:
        """Whether the ACL has the user."""
        return any(member.user == user for member in self.members)

    @property
    def participants(self) -> tuple[UserId, ...]:
        """The ACL's users."""
        return tuple(member.user for member in self.members)

    @property
    def present(self) -> tuple[UserId, ...]:
        """Whom events of the room are told: the ACL without those who are only being rung."""
        return tuple(member.user for member in self.members if member.standing is not Standing.INVITED)

    @property
    def sip_uri(self) -> str:
        """The room as a SIP address: 888 and its number at its node's mixer."""
        return f"sip:888{self.number}@audiomixer-{self.node}:5080"

    def deadline(self) -> Instant | None:
        """When `on_time` has something to do."""
        if self.invitations:
            return min(invitation.expires_at for invitation in self.invitations)
        return None if self.peers else self.keep_until

    def invitation(self, wanted: Callable[[Invitation], bool]) -> Invitation | None:
        """The first open invitation that is wanted."""
        return next(filter(wanted, self.invitations), None)

    def peers_of(self, user: UserId) -> tuple[Peer, ...]:
        """The user's media connections."""
        return tuple(sorted(peer for peer in self.peers if peer.user == user))


@dataclass(frozen=True, slots=True)
class Held:
    """A room as its node reports it."""

    server: Server
    grants: frozenset[tuple[UserId, int]]
    peers: frozenset[Peer]


@dataclass(frozen=True, slots=True)
class Change:
    """What a rule decided.  `room` is None when it is over; `refused` when nothing was open to be changed."""

    room: Room | None
    effects: tuple[Effect, ...] = ()
    refused: bool = False


# --- invitations -----------------------------------------------------------------------------------------------------


def invite(
    room: Room, *, inviter: DeviceRef, frame: Invite, invitee: UserId, ring_id: RequestId, expires_at: Instant
) -> Change:
    """Admit the invited user and open the invitation; `granted` rings it once the node has his grant."""
    room.member(inviter.user)
    if any(m.user == invitee and m.standing is not Standing.UNSURE for m in room.members):
        raise Already("in the room or invited to it already")
    others = tuple(m for m in room.members if m.user != invitee)
    if len(others) >= room.participants_limit:
        raise RoomFull(room.participants_limit)
    invitation = Invitation(
        ring_id=ring_id,
        request_id=RequestId(frame.request_id),
        inviter=inviter,
        invitee=invitee,
        mediatypes=frame.mediatypes,
        context=frame.context,
        expires_at=expires_at,
    )
    admitted = replace(
        room,
        members=(*others, Member(invitee, room.next_serial, Standing.INVITED)),
        next_serial=room.next_serial + 1,
        invitations=(*room.invitations, invitation),
    )
    return Change(admitted)


def granted(room: Room, ring_id: RequestId, devices: tuple[DeviceId, ...], now: Instant) -> Change:
    """The node has the grant: ring every device that is online, and say `ringing` once."""
    return _happen(room, _by_ring(ring_id), Granted(devices) if devices else Fail(), now)


def failed(room: Room, ring_id: RequestId, now: Instant) -> Change:
    """The node took no grant."""
    return _happen(room, _by_ring(ring_id), Fail(), now)


def online(room: Room, ring_id: RequestId, devices: Iterable[DeviceId], now: Instant) -> Change:
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
    return _happen(room, lambda i: i.invitee == device.user, DeviceCame(device.device), now)


def device_gone(room: Room, device: DeviceRef, kept_until: Instant, now: Instant) -> Change:
    """A ringing device disconnects."""
    return _happen(room, lambda i: i.invitee == device.user, DeviceGone(device.device, kept_until), now)


def answer(
    room: Room, ring_id: RequestId, device: DeviceRef, error: int | None, keep_until: Instant, now: Instant
) -> Change:
    """A rung device accepts or declines.  `keep_until`: how long the room waits for the media of who accepted."""
    if _accepted_here(room, ring_id, device):
        return Change(room)
    wanted = room.invitation(lambda i: i.ring_id == ring_id and i.invitee == device.user)
    if wanted is None:
        return Change(room, refused=True)
    if error is not None:
        return _happen(room, _by_ring(ring_id), Decline(device.device, error), now)
    waiting = replace(room, keep_until=max(room.keep_until, keep_until))
    change = _happen(waiting, _by_ring(ring_id), Accept(device.device), now)
    return Change(room, refused=True) if change.refused else change


def cancel(room: Room, inviter: DeviceRef, request_id: RequestId, now: Instant) -> Change:
    """The inviter takes her invitation back."""
    return _happen(room, _by_request(inviter, request_id), Cancel(), now)


def close_calls(room: Room, inviter: DeviceRef, now: Instant) -> Change:
    """The WAC request `close`: the device's unanswered invitations end as if their time were over."""
    return _settled(_each(room, [i for i in room.invitations if i.inviter == inviter], Expire(), now), now)


# --- media and the ACL -----------------------------------------------------------------------------------------------


def joined(room: Room, user: UserId, peer: PeerId, now: Instant) -> Change:
    """The node reports that a user's media is connected."""
    arrived = Peer(user, peer)
    if not room.has(user):
        return Change(room, (Revoke(room.node, room.uuid, user, "not in the ACL"),), refused=True)
    if arrived in room.peers:
        return Change(room)
    members = tuple(
        replace(m, standing=Standing.MEMBER) if m.user == user and m.standing is Standing.UNSURE else m
        for m in room.members
    )
    following = replace(room, peers=room.peers | {arrived}, members=members)
    told = event("participant-joined", roomId=room.uuid, userId=user, peer=peer)
    return Change(following, (Tell(following.present, told),))


def left(room: Room, user: UserId, peer: PeerId, reason: str, keep_until: Instant, now: Instant) -> Change:
    """The node reports that a user's media is gone; `keep_until` is how long the room waits if nobody is left.

    Whoever leaves cleanly with open invitations has nobody to be called to any more: they are cancelled.
    """
    gone = Peer(user, peer)
    if gone not in room.peers:
        return Change(room, refused=True)
    following = replace(room, peers=room.peers - {gone})
    change = Change(following, (_left_event(following, user, peer, reason),))
    if reason != LOST and not following.peers_of(user):
        change = _cancel_all(change, user, now, own=None)
    return _settled(_vacated(change, keep_until), now)


def leave(room: Room, device: DeviceRef, keep_until: Instant, now: Instant) -> Change:
    """A user leaves by `leaveRoom`: out of the ACL and the media, on all devices; raises NotInAcl.

    A user who is still being rung refuses the invitation by leaving.
    """
    member = room.member(device.user)
    if member.standing is Standing.INVITED:
        invited = [i for i in room.invitations if i.invitee == device.user]
        return _settled(_each(room, invited, Refuse(), now), now)
    following = replace(
        room,
        members=tuple(m for m in room.members if m is not member),
        peers=frozenset(p for p in room.peers if p.user != device.user),
    )
    effects: list[Effect] = [Revoke(room.node, room.uuid, device.user, "left")]
    effects.append(Tell((device.user,), event("expelled", roomId=room.uuid, userId=device.user, reason="left"), device))
    peers: list[PeerId | None] = [peer.peer for peer in room.peers_of(device.user)]
    effects.extend(_left_event(following, device.user, peer, "left") for peer in peers or [None])
    change = _cancel_all(Change(following, tuple(effects)), device.user, now, own=device)
    return _settled(_vacated(change, keep_until), now)


def reconciled(room: Room, held: Held, keep_until: Instant, now: Instant) -> Change:
    """The room's node is back and says whom it has: its view of the media wins, ours of the ACL."""
    change = Change(replace(room, server=held.server))
    lost = partial(left, reason=LOST, keep_until=keep_until, now=now)
    for gone in sorted(room.peers - held.peers):
        change = _and(change, partial(lost, user=gone.user, peer=gone.peer))
    for come in sorted(held.peers - room.peers):
        change = _and(change, partial(joined, user=come.user, peer=come.peer, now=now))
    admitted = frozenset((member.user, member.serial) for member in room.members)
    strangers = sorted(user for user, _ in held.grants if not room.has(user))
    effects: list[Effect] = [Revoke(room.node, room.uuid, user, "not in the ACL") for user in strangers]
    effects += [Grant(room.node, room.uuid, user, serial) for user, serial in sorted(admitted - held.grants)]
    return replace(change, effects=(*change.effects, *effects))


def destroy(room: Room, reason: str, now: Instant) -> Change:
    """The room ends, whatever is going on in it."""
    change = _each(room, room.invitations, Withdraw(), now)
    return _over(change.room or room, change.effects, reason)


def on_time(room: Room, now: Instant) -> Change:
    """What the passing of time alone does: invitations expire, an empty room ends."""
    return _settled(_each(room, [i for i in room.invitations if i.expires_at <= now], Expire(), now), now)


# --- how a rule comes together ---------------------------------------------------------------------------------------


def _by_ring(ring_id: RequestId) -> Callable[[Invitation], bool]:
    return lambda invitation: invitation.ring_id == ring_id


def _by_request(inviter: DeviceRef, request_id: RequestId) -> Callable[[Invitation], bool]:
    return lambda invitation: invitation.inviter == inviter and invitation.request_id == request_id


def _accepted_here(room: Room, ring_id: RequestId, device: DeviceRef) -> bool:
    return any(m.user == device.user and m.answered == (ring_id, device.device) for m in room.members)


def _happen(
    room: Room, wanted: Callable[[Invitation], bool], happening: Happening, now: Instant, *, settle: bool = True
) -> Change:
    """Let `happening` happen to the wanted invitation, tell who is to be told, and see whether the room lives."""
    before = room.invitation(wanted)
    after = before.after(happening, now) if before else None
    if before is None or after is None:
        return Change(room, refused=True)
    others = tuple(i for i in room.invitations if i is not before)
    if after.is_open:
        following = replace(room, invitations=(*others, after))
        return Change(following, tuple(_rung(room, after, happening)))
    following = _acl_after(replace(room, invitations=others), after)
    change = Change(following, tuple(_told(room, before, after, now)))
    return _settled(change, now) if settle else change


def _then(change: Change, wanted: Callable[[Invitation], bool], happening: Happening, now: Instant) -> Change:
    return _and(change, lambda room: _happen(room, wanted, happening, now, settle=False))


def _and(change: Change, rule: Callable[[Room], Change]) -> Change:
    """One more rule, whose effects follow those of `change`."""
    if change.room is None:
        return change
    following = rule(change.room)
    return Change(following.room, change.effects + following.effects)


def _each(room: Room, invitations: Iterable[Invitation], happening: Happening, now: Instant) -> Change:
    change = Change(room)
    for invitation in invitations:
        change = _then(change, _by_ring(invitation.ring_id), happening, now)
    return change


def _cancel_all(change: Change, inviter: UserId, now: Instant, *, own: DeviceRef | None) -> Change:
    """Cancel what a user has open; the device that ended it itself (`own`) is not told, the others are."""
    if change.room is None:
        return change
    invitations = [i for i in change.room.invitations if i.inviter.user == inviter]
    cancelled = _each(change.room, invitations, Cancel(), now)
    effects = tuple(
        replace(effect, told=True) if isinstance(effect, Conclude) and effect.inviter != own else effect
        for effect in cancelled.effects
    )
    return Change(cancelled.room, change.effects + effects)


def _acl_after(room: Room, over: Invitation) -> Room:
    """Accepted: a member.  Anything else: out of the ACL, and the token dies."""
    if over.state is State.ACCEPTED and over.winner is not None:
        accepted = (over.ring_id, over.winner)
        members = tuple(
            replace(m, standing=Standing.MEMBER, answered=accepted) if m.user == over.invitee else m
            for m in room.members
        )
        return replace(room, members=members)
    return replace(
        room,
        members=tuple(m for m in room.members if m.user != over.invitee),
        peers=frozenset(p for p in room.peers if p.user != over.invitee),
    )


def _rung(room: Room, invitation: Invitation, happening: Happening) -> Iterable[Effect]:
    match happening:
        case Granted(devices):
            yield from (Ring(room, invitation, device) for device in devices)
            yield Send(invitation.inviter, event("ringing", roomId=room.uuid, userId=invitation.invitee))
        case DeviceCame(device):
            yield Ring(room, invitation, device)
        case _:
            return


# How the end of an invitation is told: to the devices that still ring, as a cancel with this code; to the inviter as
# `_concluded` says.  A failed one is answered by whoever found the failure.
RINGING_TOLD = {
    State.ACCEPTED: 487,
    State.CANCELLED: 487,
    State.DECLINED: 487,
    State.LOST: 487,
    State.MISSED: 408,
}


def _told(room: Room, before: Invitation, after: Invitation, now: Instant) -> Iterable[Effect]:
    yield from _concluded(after)
    ended_here = {after.winner, *(c.device for c in after.candidates if c.declined is not None)}
    for device in before.ringing(now):
        if device not in ended_here:
            yield Send(DeviceRef(after.invitee, device), _cancelled(after, RINGING_TOLD[after.state]))
    if after.state is State.ACCEPTED:
        return
    for peer in room.peers_of(after.invitee):
        yield _left_event(_acl_after(room, after), after.invitee, peer.peer, "invitation over")
    yield Revoke(room.node, room.uuid, after.invitee, "invitation over")


def _concluded(over: Invitation) -> Iterable[Conclude]:
    inviter = over.inviter.user
    told = True
    result: InvitationResult | CancelInvitation
    match over.state:
        case State.ACCEPTED:
            result = InvitationResult(request_id=over.request_id, from_=inviter, who_accepted=over.invitee)
        case State.DECLINED:
            result = InvitationResult(request_id=over.request_id, from_=inviter, error=over.refusal)
        case State.LOST:
            result = InvitationResult(request_id=over.request_id, from_=inviter, error=503, message=MEDIA_SERVER_LOST)
        case State.MISSED:
            result = CancelInvitation(error=408, request_id=over.request_id, to=inviter, from_=over.invitee)
        case State.CANCELLED:
            result = CancelInvitation(error=487, request_id=over.request_id, to=inviter, from_=over.invitee)
            told = False
        case _:
            return
    yield Conclude(over.inviter, over.request_id, result, told)


def _cancelled(over: Invitation, code: int) -> CancelInvitation:
    return CancelInvitation(error=code, request_id=over.ring_id, to=over.invitee, from_=over.inviter.user)


def _left_event(room: Room, user: UserId, peer: PeerId | None, reason: str) -> Tell:
    named = {} if peer is None else {"peer": peer}
    return Tell(room.present, event("participant-left", roomId=room.uuid, userId=user, **named, reason=reason))


def _vacated(change: Change, keep_until: Instant) -> Change:
    """Somebody left: if nobody's media is connected any more, the room lives until `keep_until`."""
    if change.room is None or change.room.peers:
        return change
    return replace(change, room=replace(change.room, keep_until=keep_until))


def _settled(change: Change, now: Instant) -> Change:
    room = change.room
    if room is None or room.peers or room.invitations or now < room.keep_until:
        return change
    return _over(room, change.effects, EMPTY)


def _over(room: Room, effects: tuple[Effect, ...], reason: str) -> Change:
    told = event("room-destroyed", roomId=room.uuid, reason=reason)
    return Change(None, (*effects, Tell(room.present, told), CloseRoom(room.node, room.uuid, reason)))
