"""Out of the ACL and the media: what a user leaves behind in a room, and when the room ends.

acl, inviting, media, transferring -> **departing** (effects)

These are the last words of other rules, so that whichever way a user goes, his grant is revoked, his media is missed,
and a transfer that waited for him is over.
"""

from __future__ import annotations

from msgspec import UNSET
from msgspec.structs import replace

from .admitting import stepped
from .effects import CloseRoom, Conclude, Effect, Record, Revoke, Tell, Transferred
from .events import Expelled, ParticipantLeft, RoomDestroyed, TransferTold, event
from .frames import Answer, Done
from .history import CallEnded
from .identifiers import DeviceRef, Instant, PeerId, UserId
from .membership import Passage
from .room import EMPTY, MEDIA_SERVER_LOST, Change, Room
from .telling import epoch_ms
from .transfers import Step, Transfer


def depart(room: Room, user: UserId, reason: str, now: Instant, skip: DeviceRef | None = None) -> Change:
    """The user goes; his devices (but `skip`) and everybody left in the room are told."""
    gone = room.member(user)
    following = stepped(room, user, Passage.DEPART)
    effects: list[Effect] = [Revoke(room.node, room.uuid, user, reason)]
    effects.append(Tell((user,), event(Expelled(room_id=room.uuid, user_id=user, reason=reason)), skip))
    peers: list[PeerId | None] = [peer.peer for peer in room.peers_of(user)]
    effects.extend(left_event(following, user, peer, reason) for peer in peers or [None])
    if gone.answered is not None:
        effects.append(Record(CallEnded(room=room.uuid, user=user, ended_ms=epoch_ms(now), reason=reason)))
    return Change(following, tuple(effects)).then(lambda r: transfer_over(r, user, Step.DEPART))


def left_event(room: Room, user: UserId, peer: PeerId | None, reason: str) -> Tell:
    """Everybody in the room is told that somebody's media is gone."""
    named = UNSET if peer is None else peer
    return Tell(room.present, event(ParticipantLeft(room_id=room.uuid, user_id=user, peer=named, reason=reason)))


def transfer_over(room: Room, user: UserId, step: Step, code: int | None = None) -> Change:
    """The user's transfer into this room ends, if one is open."""
    before = next((transfer for transfer in room.transfers if transfer.user == user), None)
    after = before.after(step, code) if before else None
    if before is None or after is None:
        return Change(room, refused=True)
    following = replace(room, transfers=tuple(t for t in room.transfers if t is not before))
    return Change(following, _transfer_told(following, after))


def _transfer_told(room: Room, over: Transfer) -> tuple[Effect, ...]:
    by = over.by.user
    told = event(
        TransferTold(
            room_id=room.uuid,
            user_id=by,
            kind="attended",
            to=over.user,
            state=over.state.value,
            error=UNSET if over.error is None else over.error,
        )
    )
    result = (
        Answer(answer="attendedTransfer", request_id=over.request_id, error=over.error, message="not transferred")
        if over.error is not None
        else Answer(answer="attendedTransfer", request_id=over.request_id, payload=Done())
    )
    return (
        Conclude(over.by, over.request_id, result),
        Tell(room.present, told),
        Transferred(over.source, over.user, by, room.uuid, over.error),
    )


def vacated(change: Change, before: Room, keep_until: Instant) -> Change:
    """Somebody left: with nobody connected any more, or nobody admitted, the room lives until `keep_until`."""
    room = change.room
    if room is None or room.peers or (room.members and not before.peers):
        return change
    return replace(change, room=replace(room, keep_until=keep_until))


def settled(change: Change, now: Instant) -> Change:
    """The change, and the room's end if nothing keeps it any more."""
    room = change.room
    if room is None or room.peers or room.invitations or room.transfers or now < room.keep_until:
        return change
    return change.then(lambda r: over(r, EMPTY, now))


def over(room: Room, reason: str, now: Instant) -> Change:
    """The room ends: its node, history and everybody in it are told."""
    code = 503 if reason == MEDIA_SERVER_LOST else 487
    change = Change(room)
    for transfer in room.transfers:
        change = change.then(lambda r, t=transfer: transfer_over(r, t.user, Step.CLOSE, code))  # type: ignore[misc]
    if room.is_lobby:
        return replace(change, room=None)
    told = Tell(room.present, event(RoomDestroyed(room_id=room.uuid, reason=reason)))
    ended = Record(CallEnded(room=room.uuid, user=None, ended_ms=epoch_ms(now), reason=reason))
    history = (ended,) if any(member.answered for member in room.members) else ()
    return Change(None, (*change.effects, told, *history, CloseRoom(room.node, room.uuid, reason)))
