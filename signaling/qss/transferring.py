"""Attended transfers between two rooms: the target admits the participant and waits for him, the source lets him go.

requests, keeper -> **transferring** -> transfers (the machine), departing

A blind transfer is an invitation (`inviting.py`).  The source learns how a transfer ended by the effect `Transferred`,
which the keeper applies to it as `transferred`.
"""

from __future__ import annotations

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ..errors import Already, RoomFull, RoomLocked
from .admitting import admissible, admit, stepped, with_a_place
from .departing import depart, settled, transfer_over, vacated
from .effects import Grant, Tell, Transferred
from .events import TransferState, TransferTold, event
from .frames import Event
from .identifiers import DeviceRef, Instant, RequestId, RoomId, UserId
from .inviting import TRANSFERRED, cancel_all
from .membership import Passage, after
from .room import Change, Room
from .transfers import Step, Transfer

NOT_TRANSFERRED = "not transferred"


def expect(
    room: Room, *, by: DeviceRef, request_id: RequestId, user: UserId, source: RoomId, expires_at: Instant
) -> Change:
    """The target admits a participant of another room and waits for his media.

    Raises NotInAcl, Already, RoomLocked and RoomFull.
    """
    room.attending(by.user)
    room = stepped(room, by.user, Passage.ACT)
    if not admissible(room, [user], Passage.ADMIT):
        raise Already("in the target room already")
    if room.locked:
        raise RoomLocked
    if not with_a_place(room, (user,)):
        raise RoomFull(room.participants_limit)
    admitting, (member,) = admit(room, (user,), Passage.ADMIT)
    transfer = Transfer(by=by, request_id=request_id, user=user, source=source, expires_at=expires_at)
    following = replace(admitting, transfers=(*room.transfers, transfer))
    grant = Grant(room.node, room.uuid, user, member.serial, member.rights)
    return Change(following, (grant, Tell(room.present, _started(room.uuid, by.user, user))))


def announced(room: Room, by: UserId, user: UserId) -> Change:
    """The source hears that a participant is about to move; raises NotInAcl unless both attend."""
    room.attending(by)
    room.attending(user)
    return Change(room, (Tell(room.present, _started(room.uuid, by, user)),))


def transferred(room: Room, end: Transferred, now: Instant) -> Change:
    """The source lets the participant go, or hears why he stays."""
    change = Change(room, (Tell(room.present, _told(room.uuid, end.by, end.user, *_outcome(end))),))
    if end.error is not None or after(room.standing(end.user), Passage.DEPART) is None:
        return change  # he has left already; perhaps he is even being rung to come back
    change = change.then(lambda r: depart(r, end.user, TRANSFERRED, now))
    change = cancel_all(change, end.user, now, own=None)
    return settled(vacated(change, room, now), now)


def given_up(room: Room, user: UserId, now: Instant) -> Change:
    """The participant did not come in time: he leaves the target's ACL."""
    ended = transfer_over(room, user, Step.EXPIRE)
    return ended if ended.refused else ended.then(lambda r: depart(r, user, NOT_TRANSFERRED, now))


def _started(room: RoomId, by: UserId, user: UserId) -> Event:
    return _told(room, by, user, "started")


def _outcome(end: Transferred) -> tuple[TransferState, int | UnsetType]:
    return ("completed", UNSET) if end.error is None else ("failed", end.error)


def _told(room: RoomId, by: UserId, user: UserId, state: TransferState, error: int | UnsetType = UNSET) -> Event:
    return event(TransferTold(room_id=room, user_id=by, kind="attended", to=user, state=state, error=error))
