"""What devices are told without having asked: one struct an event, and the table of all of them.

rules, gateway -> **events** -> effects (`Tell`) -> dispatch -> devices

The wire names, the schemas and the table of events in docs/protocol.md come from here (`schema.py`).  The first line of
a docstring says what has happened, `told_to` who hears of it.
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

from msgspec import UNSET, UnsetType, field

from .incoming import Media
from .outgoing import Event, EventBody, Happened, RoomReply, Server

EVERYBODY: Final = "everybody in the room"

TransferKind = Literal["blind", "attended"]
TransferState = Literal["started", "ringing", "completed", "failed"]


class Ready(Happened, frozen=True, kw_only=True):
    """The device is signed in."""

    name = "ready"
    told_to = "the device that has connected"
    user_id: str = field(name="userId")
    device_id: str = field(name="deviceId")
    username: str


class InviteeRings(Happened, frozen=True, kw_only=True):
    """The devices of an invited user ring; no `roomId` where somebody asks to be invited."""

    name = "ringing"
    told_to = "the inviter's device, once for each user"
    room_id: str | UnsetType = field(name="roomId", default=UNSET)
    user_id: str = field(name="userId")


class RoomEvent(Happened, frozen=True, kw_only=True):
    """Something happened in a room."""

    told_to: ClassVar[str] = EVERYBODY
    room_id: str = field(name="roomId")


class UserEvent(RoomEvent, frozen=True, kw_only=True):
    """Something happened to, or was done by, a user in a room."""

    user_id: str = field(name="userId")


class ParticipantJoined(UserEvent, frozen=True, kw_only=True):
    """Somebody's media is connected."""

    name = "participant-joined"
    peer: str


class ParticipantLeft(UserEvent, frozen=True, kw_only=True):
    """Somebody's media is gone; no `peer` when it never connected."""

    name = "participant-left"
    peer: str | UnsetType = UNSET
    reason: str


class ParticipantHeld(UserEvent, frozen=True, kw_only=True):
    """Somebody neither sends nor receives, and keeps his place."""

    name = "participant-held"


class ParticipantUnheld(UserEvent, frozen=True, kw_only=True):
    """Somebody's media goes on."""

    name = "participant-unheld"


class MuteRequest(RoomEvent, frozen=True, kw_only=True):
    """The receiver is asked to mute or unmute himself."""

    name = "mute-request"
    told_to = "the devices of `to`"
    media: Media
    muted: bool
    requested_by: str = field(name="requestedBy")
    to: str


class MuteChanged(UserEvent, frozen=True, kw_only=True):
    """Somebody has muted or unmuted himself."""

    name = "mute-change"
    told_to = f"{EVERYBODY} but the device that said it"
    media: Media
    muted: bool


class Admitted(UserEvent, frozen=True, kw_only=True):
    """The receiver may join without having been rung; `joinRoom` gives him his token."""

    name = "admitted"
    told_to = "the added user"
    by: str


class Expelled(UserEvent, frozen=True, kw_only=True):
    """The receiver is out of the room."""

    name = "expelled"
    told_to = "who is out: on `left` and `transferred` his other devices, on `removed` and `not transferred` all"
    reason: str


class RoomIsLocked(UserEvent, frozen=True, kw_only=True):
    """Nobody new is admitted."""

    name = "room-locked"


class RoomIsUnlocked(UserEvent, frozen=True, kw_only=True):
    """The room is open again."""

    name = "room-unlocked"


class RoomDestroyed(RoomEvent, frozen=True, kw_only=True):
    """The room is over; reasons `empty`, `media server lost`, `destroyed`."""

    name = "room-destroyed"
    reason: str


class RoomMoved(RoomEvent, frozen=True, kw_only=True):
    """The room is on another node, or its node has another address: join there, with this token of one's own."""

    name = "room-moved"
    told_to = f"{EVERYBODY} and whoever is being rung, each with his token"
    server: Server
    token: str


class TransferTold(UserEvent, frozen=True, kw_only=True):
    """`userId` moves somebody to another room, or hands his place to `to`."""

    name = "transfer"
    told_to = f"blind: {EVERYBODY} but `userId`; attended: everybody in both rooms"
    kind: TransferKind
    to: str
    state: TransferState
    error: int | UnsetType = UNSET


class SentOver(UserEvent, frozen=True, kw_only=True):
    """The receiver is to move to another room, with a token of his own for it."""

    name = "transferring-attended-transfer"
    told_to = "the devices of `userId`"
    by: str
    target_room: RoomReply = field(name="targetRoom")


# Every event by its name on the wire, in the order of docs/protocol.md.
EVENTS: Final[dict[str, type[Happened]]] = {
    kind.name: kind
    for kind in (
        *(Ready, InviteeRings, ParticipantJoined, ParticipantLeft, ParticipantHeld, ParticipantUnheld),
        *(MuteRequest, MuteChanged, Admitted, Expelled, RoomIsLocked, RoomIsUnlocked, RoomDestroyed, RoomMoved),
        *(TransferTold, SentOver),
    )
}


def event(happened: Happened) -> Event:
    """The frame of an event."""
    return Event(payload=EventBody(event_name=happened.name, payload=happened))
