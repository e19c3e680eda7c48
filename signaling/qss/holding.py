"""Hold: a participant neither sends nor receives for a while, and keeps his place and his connection.

    ACTIVE ── hold ───▶ HELD       the node stops his media both ways
    HELD ──── unhold ─▶ ACTIVE

What is the case already changes nothing and is answered the same.
"""

from __future__ import annotations

import enum
from typing import Final

from msgspec.structs import replace

from .effects import Grant, Tell
from .events import ParticipantHeld, ParticipantUnheld, UserEvent, event
from .identifiers import UserId
from .room import Change, Member, Room


class Turn(enum.Enum):
    """What is asked for."""

    HOLD = "hold"
    UNHOLD = "unhold"


# (held, what is asked for) -> held.  No row: nothing changes.
TRANSITIONS: Final[dict[tuple[bool, Turn], bool]] = {(False, Turn.HOLD): True, (True, Turn.UNHOLD): False}
TOLD: Final[dict[Turn, type[UserEvent]]] = {Turn.HOLD: ParticipantHeld, Turn.UNHOLD: ParticipantUnheld}


def hold(room: Room, user: UserId) -> Change:
    """Stop the user's media; raises NotInAcl."""
    return _turn(room, user, Turn.HOLD)


def unhold(room: Room, user: UserId) -> Change:
    """Let the user's media go on; raises NotInAcl."""
    return _turn(room, user, Turn.UNHOLD)


def _turn(room: Room, user: UserId, turn: Turn) -> Change:
    before = room.attending(user)
    held = TRANSITIONS.get((before.held, turn))
    if held is None:
        return Change(room)
    after = replace(before, held=held)
    following = replace(room, members=tuple(after if m is before else m for m in room.members))
    told = event(TOLD[turn](room_id=room.uuid, user_id=user))
    return Change(following, (_grant(room, after), Tell(following.present, told)))


def _grant(room: Room, member: Member) -> Grant:
    return Grant(room.node, room.uuid, member.user, member.serial, member.rights)
