"""What devices send, typed; msgspec checks each frame in one pass (`parse.py`)."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

RequestName = Annotated[str, Meta(min_length=1, max_length=64)]
Reference = Annotated[str, Meta(min_length=1, max_length=254)]  # user id, username, username@domain (RFC 5321 §4.5.3)
Code = Annotated[int, Meta(ge=400, le=699)]
Media = Literal["audio", "video"]


class Request(Struct, frozen=True, kw_only=True):
    """`{request, requestID, ...}`: something is asked for."""

    name: ClassVar[str]
    """The name on the wire."""
    request_id: RequestName = field(name="requestID")


class CreateRoomOptions(Struct, frozen=True, kw_only=True):
    """What may be chosen of a new room."""

    record: bool = False
    participants_limit: Annotated[int, Meta(ge=1, le=10_000)] = field(name="participantsLimit", default=100)
    bitrate: Annotated[int, Meta(ge=16, le=100_000)] = 1024


class CreateRoom(Request, frozen=True, kw_only=True):
    """A new room, whose ACL has the requester."""

    name = "createRoom"
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


class AclPayload(RoomPayload, frozen=True, kw_only=True):
    """A room and users."""

    participants: Annotated[tuple[Reference, ...], Meta(min_length=1, max_length=100)]


class MutePayload(RoomPayload, frozen=True, kw_only=True):
    """Whom to ask to mute what.  `requestedBy` is accepted as the vendor sends it, and set by us."""

    media: Media
    muted: bool
    to: Reference
    requested_by: str = field(name="requestedBy", default="")


class MuteChangePayload(RoomPayload, frozen=True, kw_only=True):
    """What the requester has muted or unmuted of his own."""

    media: Media
    muted: bool


class InvitePayload(RoomPayload, frozen=True, kw_only=True):
    """The room to invite into, and the `inviteRequest` that this answers."""

    in_reply_to: RequestName | UnsetType = field(name="inReplyTo", default=UNSET)


class BlindTransferPayload(RoomPayload, frozen=True, kw_only=True):
    """The room, and who takes the requester's place in it."""

    to: Reference


class AttendedTransferPayload(RoomPayload, frozen=True, kw_only=True):
    """A room, a participant of it, and the room he is to move to."""

    participant: Reference
    target_room: Reference = field(name="targetRoom")


class RoomRequest(Request, frozen=True, kw_only=True):
    """A request about one room."""

    payload: RoomPayload


class JoinRoom(RoomRequest, frozen=True, kw_only=True):
    """The room and one's own token again, for a device that lost its state."""

    name = "joinRoom"


class LeaveRoom(RoomRequest, frozen=True, kw_only=True):
    """Out of the ACL and the media."""

    name = "leaveRoom"


class Hold(RoomRequest, frozen=True, kw_only=True):
    """The requester's media stops both ways; his place in the room stays."""

    name = "hold"


class Unhold(RoomRequest, frozen=True, kw_only=True):
    """The requester's media goes on."""

    name = "unhold"


class LockRoom(RoomRequest, frozen=True, kw_only=True):
    """Nobody new is admitted from now on."""

    name = "lockRoom"


class UnlockRoom(RoomRequest, frozen=True, kw_only=True):
    """The room is open again."""

    name = "unlockRoom"


class DestroyRoom(RoomRequest, frozen=True, kw_only=True):
    """The room ends for everybody."""

    name = "destroyRoom"


class AddToAcl(Request, frozen=True, kw_only=True):
    """More users are admitted, without ringing them."""

    name = "addToACL"
    payload: AclPayload


class RemoveFromAcl(Request, frozen=True, kw_only=True):
    """Users are cut off."""

    name = "removeFromACL"
    payload: AclPayload


class NoPayload(Struct, frozen=True, kw_only=True):
    """Nothing has to be said; what is said is ignored."""


class GetRooms(Request, frozen=True, kw_only=True):
    """The rooms whose ACL has the requester."""

    name = "getRooms"
    payload: NoPayload = NoPayload()


class CurrentInvitations(Request, frozen=True, kw_only=True):
    """The invitations that ring at the requesting device."""

    name = "currentInvitations"
    payload: NoPayload = NoPayload()


class Mute(Request, frozen=True, kw_only=True):
    """Somebody is asked to mute or unmute himself."""

    name = "mute"
    payload: MutePayload


class MuteChange(Request, frozen=True, kw_only=True):
    """The requester has muted or unmuted himself."""

    name = "muteChange"
    payload: MuteChangePayload


class MediaTypes(Struct, frozen=True, kw_only=True):
    """What the inviter means to talk with."""

    audio: bool = True
    video: bool = False


class Invite(Request, frozen=True, kw_only=True):
    """`invitation` from the inviter's device."""

    name = "invitation"
    to: Reference
    payload: InvitePayload
    mediatypes: MediaTypes = MediaTypes()
    context: dict[str, Any] = field(default_factory=lambda: {"contextInfo": {}})


class InviteRequest(Request, frozen=True, kw_only=True):
    """Somebody is asked to invite the requester into his room."""

    name = "inviteRequest"
    to: Reference
    mediatypes: MediaTypes = MediaTypes()
    context: dict[str, Any] = field(default_factory=lambda: {"contextInfo": {}})


class BlindTransfer(Request, frozen=True, kw_only=True):
    """Somebody is invited to take the requester's place."""

    name = "blindTransfer"
    payload: BlindTransferPayload
    mediatypes: MediaTypes = MediaTypes()
    context: dict[str, Any] = field(default_factory=lambda: {"contextInfo": {}})


class AttendedTransfer(Request, frozen=True, kw_only=True):
    """A participant is moved to another room of the requester's."""

    name = "attendedTransfer"
    payload: AttendedTransferPayload


class InvitationAnswer(Struct, frozen=True, kw_only=True):
    """A rung device accepts (no `error`) or declines."""

    request_id: RequestName = field(name="requestID")
    from_: Annotated[str, Meta(max_length=254)] = field(name="from", default="")
    error: Code | None = None


class InviteRequestAnswer(Struct, frozen=True, kw_only=True):
    """A device declines an `inviteRequest`; to grant it, it invites."""

    request_id: RequestName = field(name="requestID")
    from_: Annotated[str, Meta(max_length=254)] = field(name="from", default="")
    error: Code


class InvitationCancel(Struct, frozen=True, kw_only=True):
    """The requester takes back what is open; `requestID` is what he chose."""

    request_id: RequestName = field(name="requestID")
    error: Code = 487


class InviteRequestCancel(InvitationCancel, frozen=True, kw_only=True):
    """The same of an `inviteRequest`."""


class BlindTransferCancel(InvitationCancel, frozen=True, kw_only=True):
    """The same of a `blindTransfer`."""


class ClosePayload(Struct, frozen=True, kw_only=True):
    """What the WAC request `close` is about."""

    medium: Literal["sipcall"]


class WacClose(Struct, frozen=True, kw_only=True):
    """The WAC request that ends the requester's unanswered invitations with 408."""

    id: RequestName
    payload: ClosePayload


Asking = (
    CreateRoom | JoinRoom | LeaveRoom | GetRooms | DestroyRoom | AddToAcl | RemoveFromAcl | LockRoom | UnlockRoom
    | Hold | Unhold | Mute | MuteChange | Invite | CurrentInvitations | InviteRequest | BlindTransfer | AttendedTransfer
)  # fmt: skip
Replying = InvitationAnswer | InviteRequestAnswer | InvitationCancel | InviteRequestCancel | BlindTransferCancel
Incoming = Asking | Replying | WacClose
