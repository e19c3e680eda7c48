"""One attended transfer: a participant of one room is moving to another, which waits for him.

    MOVING ── Arrive ──▶ COMPLETED   his media is connected in the target room
       ├───── Depart ──▶ FAILED      he left the target's ACL, or was taken out of it (487)
       ├───── Expire ──▶ FAILED      he did not come in time (408)
       └───── Close ───▶ FAILED      the target room is over (503 if its node was lost, else 487)

The target room keeps it, so that whatever ends the stay there ends the transfer in the same step.  A blind transfer has
no machine of its own: it is an invitation whose acceptance takes the inviter out (`inviting.py`).
"""

from __future__ import annotations

import enum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from .identifiers import DeviceRef, Instant, RequestId, RoomId, UserId


class Move(enum.Enum):
    """Where a transfer stands."""

    MOVING = "started"
    COMPLETED = "completed"
    FAILED = "failed"


class Step(enum.Enum):
    """What may happen to it."""

    ARRIVE = "his media is connected"
    DEPART = "he left the target room"
    EXPIRE = "its time is over"
    CLOSE = "the target room is over"


# (state, what happens) -> the state that follows.  No row: refused, nothing changes.
TRANSITIONS: Final[dict[tuple[Move, Step], Move]] = {
    (Move.MOVING, Step.ARRIVE): Move.COMPLETED,
    (Move.MOVING, Step.DEPART): Move.FAILED,
    (Move.MOVING, Step.EXPIRE): Move.FAILED,
    (Move.MOVING, Step.CLOSE): Move.FAILED,
}
CODES: Final = {Step.DEPART: 487, Step.EXPIRE: 408}  # of CLOSE, whoever ends the room says


class Transfer(Struct, frozen=True, kw_only=True):
    """A participant on his way from another room, or how it ended."""

    by: DeviceRef
    """Who asked for it, with this request."""
    request_id: RequestId
    user: UserId
    source: RoomId
    expires_at: Instant
    state: Move = Move.MOVING
    error: int | None = None

    def after(self, step: Step, code: int | None = None) -> Transfer | None:
        """The transfer after `step`, or None where the table refuses it."""
        following = TRANSITIONS.get((self.state, step))
        if following is None:
            return None
        return replace(self, state=following, error=CODES.get(step, code))
