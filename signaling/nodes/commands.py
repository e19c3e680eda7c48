"""The commands of signaling to a node, as data (docs/protocol.md, "Nodes").  No I/O."""

from __future__ import annotations

import msgspec

from ..qss.effects import Rights
from ..qss.frames import Wire
from ..qss.identifiers import RoomId, UserId
from ..qss.room import Room
from ..tokens import RoomTokens
from .adoption import record_of

OPEN_ROOM = "open_room"
GRANT = "grant"
REVOKE = "revoke"
CLOSE_ROOM = "close_room"


def open_room(room: Room) -> Wire:
    """The node begins to carry a room, and keeps our record of it."""
    return {
        "room": room.uuid,
        "record": msgspec.to_builtins(record_of(room)),
        "participants_limit": room.participants_limit,
        "bitrate": room.bitrate,
    }


def grant(tokens: RoomTokens, room: Room, user: UserId, serial: int, rights: Rights) -> Wire:
    """The node admits whoever shows the token with this digest."""
    digest = tokens.digest(room.uuid, user, serial, room.key)
    given = {"publish": rights.publish, "receive": rights.receive}
    return {"room": room.uuid, "user": user, "serial": serial, "digest": digest, "rights": given}


def revoke(room: RoomId, user: UserId, reason: str) -> Wire:
    """The node forgets the grant and closes the user's peers."""
    return {"room": room, "user": user, "reason": reason}


def close_room(room: RoomId, reason: str) -> Wire:
    """The node ends the room."""
    return {"room": room, "reason": reason}
