"""What devices are sent, typed; made by the rules, and turned into plain objects by `wire`.

An optional field that is UNSET does not appear on the wire at all.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from .incoming import MediaTypes

ResultName = Literal["invitation", "inviteRequest", "blindTransfer"]


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
    held: tuple[str, ...] | UnsetType = UNSET
    """Who is on hold, where somebody is."""
    locked: Literal[True] | UnsetType = UNSET
    """There while the room is locked."""


class RoomsReply(Struct, frozen=True, kw_only=True):
    """All rooms of a user."""

    rooms: tuple[RoomReply, ...]


class AclReply(Struct, frozen=True, kw_only=True):
    """The ACL after a change."""

    participants: tuple[str, ...]


class InvitationsReply(Struct, frozen=True, kw_only=True):
    """What rings at a device: the frames that rang it."""

    current_invitations: tuple[Ringing | RingingRequest, ...] = field(name="currentInvitations")


class Done(Struct, frozen=True, kw_only=True):
    """There is nothing more to say: `{}`."""


AnswerPayload = RoomReply | RoomsReply | AclReply | InvitationsReply | Done


class Answer(Struct, frozen=True, kw_only=True):
    """The answer to a request: a payload, or an error and what it says."""

    answer: str | None
    request_id: str | UnsetType = field(name="requestID", default=UNSET)
    payload: AnswerPayload | UnsetType = UNSET
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
    in_reply_to: str | UnsetType = field(name="inReplyTo", default=UNSET)
    """The `inviteRequest` of the receiver that this answers."""


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
    group: str | UnsetType = UNSET
    """The group that was called, where it was one."""
    payload: RingPayload


class RingingRequest(Struct, frozen=True, kw_only=True):
    """`inviteRequest` as every device of the user who is asked gets it."""

    request_id: str = field(name="requestID")
    request: Literal["inviteRequest"] = "inviteRequest"
    to: str
    from_: str = field(name="from")
    from_type: Literal["system"] = field(name="fromType", default="system")
    mediatypes: MediaTypes
    context: dict[str, Any]
    system_from: str = field(name="systemFrom")
    group: str | UnsetType = UNSET


class InvitationResult(Struct, frozen=True, kw_only=True):
    """The inviter's answer: accepted with `whoAccepted`, else the error."""

    answer: ResultName = "invitation"
    request_id: str = field(name="requestID")
    from_: str = field(name="from")
    who_accepted: str | UnsetType = field(name="whoAccepted", default=UNSET)
    error: int | UnsetType = UNSET
    message: str | UnsetType = UNSET


class CancelInvitation(Struct, frozen=True, kw_only=True):
    """An invitation is over: `to` is the receiver, `from` the other party."""

    cancel: Literal["invitation", "inviteRequest"] = "invitation"
    error: int
    request_id: str = field(name="requestID")
    to: str
    from_: str = field(name="from")


class RefusedCancel(Struct, frozen=True, kw_only=True):
    """The acknowledgement of a cancel that found nothing open: whoever answered first has won."""

    cancel: ResultName = "invitation"
    error: int = 404
    request_id: str = field(name="requestID")
    message: str = "no open invitation with this requestID"


class WacResponseBody(Struct, frozen=True, kw_only=True):
    """Names the request; an error where there is one."""

    id: str
    error: int | UnsetType = UNSET
    message: str | UnsetType = UNSET


class WacResponse(Struct, frozen=True, kw_only=True):
    """The answer to a WAC request."""

    type: Literal["response"] = "response"
    payload: WacResponseBody


class Happened(Struct, frozen=True, kw_only=True):
    """What an event tells; `events.py` has one for each."""

    name: ClassVar[str]
    """The name on the wire."""
    told_to: ClassVar[str]
    """Who hears of it, in words."""


class EventBody(Struct, frozen=True, kw_only=True):
    """An event's name and what happened."""

    event_name: str = field(name="eventName")
    payload: Happened


class Event(Struct, frozen=True, kw_only=True):
    """`{"type": "event", ...}`: something happened."""

    type: Literal["event"] = "event"
    payload: EventBody


Outgoing = (
    Answer | LeftRoom | Ringing | RingingRequest | InvitationResult | CancelInvitation | RefusedCancel | WacResponse
    | Event
)  # fmt: skip


Wire = dict[str, Any]
"""A frame as the plain JSON object that goes over the wire."""

Sent = Outgoing | Wire
"""A frame on its way: as it was made, or plain where it has come from another process."""


def wire(frame: Sent) -> Wire:
    """The plain JSON object of a frame."""
    plain: Wire = msgspec.to_builtins(frame)
    return plain
