"""Every frame of QSS, typed: what devices send and what they are sent, with the literal names of the wire.

Incoming frames are checked by msgspec in one pass (`parse.py`); outgoing ones are made by the rules and turned
into plain objects by `wire`.  An optional field that is UNSET does not appear on the wire at all.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType, field

Name = Annotated[str, Meta(min_length=1, max_length=64)]
RequestName = Annotated[str, Meta(min_length=1, max_length=64)]
Reference = Annotated[str, Meta(min_length=1, max_length=254)]  # user id, username, username@domain (RFC 5321 §4.5.3)

# --- what devices send ---------------------------------------------------------------------------------------------


class Request(Struct, frozen=True, kw_only=True):
    """`{request, requestID, ...}`: something is asked for."""

    request_id: RequestName = field(name="requestID")


class CreateRoomOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen of a new room."""

    record: bool = False
    participants_limit: Annotated[int, Meta(ge=1, le=10_000)] = field(name="participantsLimit", default=100)
    bitrate: Annotated[int, Meta(ge=16, le=100_000)] = 1024


class CreateRoom(Request, frozen=True, kw_only=True):
    """A new room, whose ACL has the requester."""

    payload: CreateRoomOptions = CreateRoomOptions()


class RoomPayload(Struct, frozen=True, kw_only=True):
    """Names a room, as `room` or as `roomId`."""

    room: Reference | UnsetType = UNSET
    room_id: Reference | UnsetType = field(name="roomId", default=UNSET)

    def __post_init__(self) -> None:
        if self.room is UNSET and self.room_id is UNSET:
            raise ValueError("Object missing required field `room`")

    @property
    def uuid(self) -> str:
        """The room meant; `room` wins where both are given."""
        return str(self.room_id if self.room is UNSET else self.room)


class JoinRoom(Request, frozen=True, kw_only=True):
    """The room and one's own token again, for a device that lost its state."""

    payload: RoomPayload


class LeaveRoom(Request, frozen=True, kw_only=True):
    """Out of the ACL and the media."""

    payload: RoomPayload


class MediaTypes(Struct, frozen=True, kw_only=True):
    """What the inviter means to talk with."""

    audio: bool = True
    video: bool = False


class Invite(Request, frozen=True, kw_only=True):
    """`invitation` from the inviter's device."""

    to: Reference
    payload: RoomPayload
    mediatypes: MediaTypes = MediaTypes()
    context: dict[str, Any] = field(default_factory=lambda: {"contextInfo": {}})


class InvitationAnswer(Struct, frozen=True, kw_only=True):
    """A rung device accepts (no `error`) or declines."""

    request_id: RequestName = field(name="requestID")
    from_: Annotated[str, Meta(max_length=254)] = field(name="from", default="")
    error: Annotated[int, Meta(ge=400, le=699)] | None = None


class InvitationCancel(Struct, frozen=True, kw_only=True):
    """The inviter takes an open invitation back; `requestID` is the one she chose."""

    request_id: RequestName = field(name="requestID")
    error: Annotated[int, Meta(ge=400, le=699)] = 487


class ClosePayload(Struct, frozen=True, kw_only=True):
    """What the WAC request `close` is about."""

    medium: Literal["sipcall"]


class WacClose(Struct, frozen=True, kw_only=True):
    """The WAC request that ends the requester's unanswered invitations with 408."""

    id: RequestName
    payload: ClosePayload


Incoming = CreateRoom | JoinRoom | LeaveRoom | Invite | InvitationAnswer | InvitationCancel | WacClose

# --- what devices are sent ------------------------------------------------------------------------------------------


class IceServer(Struct, frozen=True, kw_only=True):
    """One entry of `ice`, as RTCIceServer."""

    urls: str
    username: str | UnsetType = UNSET
    credential: str | UnsetType = UNSET


class Server(Struct, frozen=True, kw_only=True):
    """Where the room's node listens: Socket.IO (`https`, by the vendor's name) and plain WebSocket (`wss`)."""

    https: str
    wss: str


class RoomReply(Struct, frozen=True, kw_only=True):
    """ROOM: all that a participant needs to know of a room."""

    id: str
    uuid: str
    room: str
    owner: str
    record: bool
    number: str
    sip_uri: str = field(name="sipUri")
    bitrate: int
    server_uuid: str = field(name="serverUuid")
    server: Server
    timestamp: int
    participants_limit: int = field(name="participantsLimit")
    ice: tuple[IceServer, ...]
    token: str
    participants: tuple[str, ...]


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a request: a payload, or an error and what it says."""

    answer: str | None
    request_id: str | UnsetType = field(name="requestID", default=UNSET)
    payload: RoomReply | dict[str, Any] | UnsetType = UNSET
    error: int | UnsetType = UNSET
    message: str | UnsetType = UNSET


class LeftRoom(Struct, frozen=True, kw_only=True):
    """What a leaver gets, literally: a cancel without requestID."""

    cancel: Literal["leaveRoom"] = "leaveRoom"
    error: int = 403
    message: str = "user not included into ACL"


class RingPayload(Struct, frozen=True, kw_only=True):
    """The room as a rung device sees it."""

    uuid: str
    sip_uri: str = field(name="sipUri")
    owner: str
    timestamp: int
    server: Server
    bitrate: int
    record: bool
    ice: tuple[IceServer, ...]
    room: str
    token: str
    participants: tuple[str, ...]


class Ringing(Struct, frozen=True, kw_only=True):
    """`invitation` as every device of the invited user gets it."""

    request_id: str = field(name="requestID")
    request: Literal["invitation"] = "invitation"
    to: str
    from_: str = field(name="from")
    from_type: Literal["system"] = field(name="fromType", default="system")
    mediatypes: MediaTypes
    context: dict[str, Any]
    system_from: str = field(name="systemFrom")
    payload: RingPayload


class InvitationResult(Struct, frozen=True, kw_only=True):
    """The inviter's answer: accepted with `whoAccepted`, else the error."""

    answer: Literal["invitation"] = "invitation"
    request_id: str = field(name="requestID")
    from_: str = field(name="from")
    who_accepted: str | UnsetType = field(name="whoAccepted", default=UNSET)
    error: int | UnsetType = UNSET
    message: str | UnsetType = UNSET


class CancelInvitation(Struct, frozen=True, kw_only=True):
    """An invitation is over: `to` is the receiver, `from` the other party."""

    cancel: Literal["invitation"] = "invitation"
    error: int
    request_id: str = field(name="requestID")
    to: str
    from_: str = field(name="from")


class RefusedCancel(Struct, frozen=True, kw_only=True):
    """The acknowledgement of a cancel that found nothing open: whoever answered first has won."""

    cancel: Literal["invitation"] = "invitation"
    error: int = 404
    request_id: str = field(name="requestID")
    message: str = "no open invitation with this requestID"


class WacResponse(Struct, frozen=True, kw_only=True):
    """The answer to a WAC request."""

    class Payload(Struct, frozen=True, kw_only=True):
        """Names the request; an error where there is one."""

        id: str
        error: int | UnsetType = UNSET
        message: str | UnsetType = UNSET

    type: Literal["response"] = "response"
    payload: Payload


class EventBody(Struct, frozen=True, kw_only=True):
    """An event's name and what happened."""

    event_name: str = field(name="eventName")
    payload: dict[str, Any]


class Event(Struct, frozen=True, kw_only=True):
    """`{"type": "event", ...}`: something happened."""

    type: Literal["event"] = "event"
    payload: EventBody


Outgoing = (
    Answer | LeftRoom | Ringing | InvitationResult | CancelInvitation | RefusedCancel | WacResponse | Event
)  # fmt: skip


def event(name: str, **payload: object) -> Event:
    """An event frame; the fields keep the literal names of the wire."""
    return Event(payload=EventBody(event_name=name, payload=payload))


def wire(frame: Outgoing) -> dict[str, Any]:
    """The plain JSON object of a frame."""
    plain: dict[str, Any] = msgspec.to_builtins(frame)
    return plain
