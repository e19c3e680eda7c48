"""Locking: while a room is locked, nobody new is admitted; whoever is in it stays, and may come back."""

from __future__ import annotations

from msgspec.structs import replace

from .effects import Tell
from .events import RoomIsLocked, RoomIsUnlocked, event
from .identifiers import UserId
from .room import Change, Room


def lock(room: Room, by: UserId) -> Change:
    """Admit nobody from now on; raises NotInAcl."""
    return _turned(room, by, locked=True)


def unlock(room: Room, by: UserId) -> Change:
    """Admit again; raises NotInAcl."""
    return _turned(room, by, locked=False)


def _turned(room: Room, by: UserId, *, locked: bool) -> Change:
    room.attending(by)
    if room.locked is locked:
        return Change(room)
    turned = RoomIsLocked if locked else RoomIsUnlocked
    told = Tell(room.present, event(turned(room_id=room.uuid, user_id=by)))
    return Change(replace(room, locked=locked), (told,))
