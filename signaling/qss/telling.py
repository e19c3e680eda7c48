"""Who is told what of an invitation: frames to its devices and its inviter, events to the room, a line to history.

inviting -> **telling** (effects)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import UNSET

from . import history
from .effects import Conclude, Effect, Record, Ring, Send, Tell
from .events import InviteeRings, TransferState, TransferTold, event
from .frames import CancelInvitation, Event, InvitationResult, MediaTypes
from .history import CallRecord, CandidateRecord
from .identifiers import DeviceRef, Instant, RequestId, RoomId, UserId
from .invitations import BUSY_CODE, ENDED_CODE, Candidate, DeviceCame, Granted, Happening, Invitation, Kind, State
from .offer import Offer
from .room import MEDIA_SERVER_LOST, Room

# What the devices that still ring are told: a cancel with this code.  A failed one never rang.
RINGING_TOLD = {
    State.RINGING: ENDED_CODE,
    State.ACCEPTED: ENDED_CODE,
    State.CANCELLED: ENDED_CODE,
    State.DECLINED: ENDED_CODE,
    State.LOST: ENDED_CODE,
    State.MISSED: 408,
}
# What the inviter is told: the code of the result.  An accepted one has none; a declined or failed one says its own.
CODES = {State.CANCELLED: ENDED_CODE, State.MISSED: 408, State.LOST: 503}
REASONS = {
    State.ACCEPTED: history.ACCEPTED,
    State.DECLINED: history.DECLINED,
    State.CANCELLED: history.DECLINED_BY_CREATOR,
    State.MISSED: history.DECLINED_BY_TIMEOUT,
    State.LOST: history.MEDIA_SERVER_LOST,
}
RANG_UNTIL = {  # how it ended for a candidate that rang to the end
    State.ACCEPTED: history.ANSWERED_ELSEWHERE,
    State.DECLINED: history.DECLINED,
    State.CANCELLED: history.CANCELLED,
    State.MISSED: history.TIMEOUT,
    State.LOST: history.LOST,
}


def rung(room: Room, invitation: Invitation, happening: Happening) -> Iterable[Effect]:
    """The devices that begin to ring; the inviter hears of each user once."""
    match happening:
        case Granted():
            yield from (Ring(room, invitation, candidate.device) for candidate in invitation.candidates)
            yield from (Send(invitation.inviter, _ringing(room, user)) for user in invitation.invitees)
        case DeviceCame(device):
            yield Ring(room, invitation, device)
        case _:
            return


def stopped(before: Invitation, after: Invitation, happening: Happening, now: Instant) -> Iterable[Send]:
    """The devices that ring no more, but for the one whose doing it is."""
    acting = getattr(happening, "device", None)
    silent = {*after.ringing(now), acting}
    for device in before.ringing(now):
        if device not in silent:
            yield Send(device, _cancelled(after, device, RINGING_TOLD[after.state]))


def concluded(over: Invitation) -> Iterable[Effect]:
    """The inviter's one result, and the line in the history.  A failure is answered by whoever found it."""
    if over.state is not State.FAILED:
        yield Conclude(over.inviter, over.request_id, _result(over), told=over.state is not State.CANCELLED)


def recorded(over: Invitation, room: Room, now: Instant) -> Iterable[Record]:
    """The line in the history; only invitations are calls."""
    if over.kind is Kind.INVITE_REQUEST:
        return
    call = CallRecord(
        id=over.ring_id,
        room=room.uuid,
        inviter=over.inviter.user,
        inviter_device=over.inviter.device,
        to=over.to,
        invitees=over.asked,
        accepted_by=over.winner.user if over.winner else None,
        media=_media(over.mediatypes),
        created_ms=epoch_ms(over.created_at),
        decided_ms=epoch_ms(now),
        reason=_reason(over),
        code=code_of(over),
        candidates=tuple(_candidate(over, candidate, now) for candidate in over.candidates),
    )
    yield Record(call)


def never_rung(offer: Offer, call: RequestId, room: RoomId, now: Instant) -> CallRecord:
    """The line of an invitation that reached nobody."""
    return CallRecord(
        id=call,
        room=room,
        inviter=offer.inviter.user,
        inviter_device=offer.inviter.device,
        to=offer.to,
        invitees=offer.users,
        accepted_by=None,
        media=_media(offer.mediatypes),
        created_ms=epoch_ms(now),
        decided_ms=epoch_ms(now),
        reason=history.NOBODY_REACHABLE,
        code=404,
        candidates=(),
    )


def transfer_told(room: Room, transfer: Invitation, state: TransferState) -> Iterable[Tell]:
    """The others in the room hear of each state of a blind transfer."""
    if transfer.kind is not Kind.BLIND_TRANSFER:
        return
    by = transfer.inviter.user
    code = code_of(transfer)
    error = UNSET if code is None else code
    told = TransferTold(room_id=room.uuid, user_id=by, kind="blind", to=transfer.to, state=state, error=error)
    others = tuple(user for user in room.present if user != by)
    if others:
        yield Tell(others, event(told))


def code_of(invitation: Invitation) -> int | None:
    """What the inviter is told; None while it is open and where it was accepted."""
    if invitation.state is State.DECLINED:
        return invitation.refusal
    return invitation.failure or CODES.get(invitation.state)


def epoch_ms(now: Instant) -> int:
    """Instants are seconds since the epoch."""
    return int(now * 1000)


def _media(types: MediaTypes) -> tuple[str, ...]:
    return tuple(name for name, wanted in (("audio", types.audio), ("video", types.video)) if wanted)


def _ringing(room: Room, user: UserId) -> Event:
    return event(InviteeRings(room_id=UNSET if room.is_lobby else room.uuid, user_id=user))


def _result(over: Invitation) -> InvitationResult | CancelInvitation:
    inviter = over.inviter.user
    if over.winner is not None:
        return InvitationResult(
            answer=over.kind.value, request_id=over.request_id, from_=inviter, who_accepted=over.winner.user
        )
    if over.kind is Kind.INVITATION and over.state in (State.MISSED, State.CANCELLED):
        return CancelInvitation(error=CODES[over.state], request_id=over.request_id, to=inviter, from_=over.to)
    text = {"message": MEDIA_SERVER_LOST} if over.state is State.LOST else {}
    return InvitationResult(
        answer=over.kind.value, request_id=over.request_id, from_=inviter, error=code_of(over) or UNSET, **text
    )


def _cancelled(over: Invitation, device: DeviceRef, code: int) -> CancelInvitation:
    name: Literal["invitation", "inviteRequest"]
    name = "inviteRequest" if over.kind is Kind.INVITE_REQUEST else "invitation"
    return CancelInvitation(cancel=name, error=code, request_id=over.ring_id, to=device.user, from_=over.inviter.user)


def _reason(over: Invitation) -> str:
    if over.state is State.FAILED:
        return history.NOBODY_REACHABLE if over.failure == 404 else history.MEDIA_SERVER_LOST
    return REASONS[over.state]


def _candidate(over: Invitation, candidate: Candidate, now: Instant) -> CandidateRecord:
    return CandidateRecord(
        user=candidate.device.user, device=candidate.device.device, reason=_end_of(over, candidate, now)
    )


def _end_of(over: Invitation, candidate: Candidate, now: Instant) -> str:
    if candidate.device == over.winner:
        return history.ACCEPTED
    if candidate.declined is not None:
        return {BUSY_CODE: history.BUSY, ENDED_CODE: history.CANCELLED}.get(candidate.declined, history.DECLINED)
    return RANG_UNTIL[over.state] if candidate.rings(now) else history.DISCONNECTED
