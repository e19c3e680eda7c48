"""What the rules want done: frozen values that the shells carry out, in the order given.

rules -> **effects** -> dispatch -> deliveries -> state -> inbox -> devices, nodes
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from .frames import Answer, CancelInvitation, Event, InvitationResult, Outgoing
from .history import Entry
from .identifiers import DeviceRef, RequestId, RoomId, UserId
from .invitations import Invitation

if TYPE_CHECKING:
    from .room import Room  # which imports this


class Send(Struct, frozen=True):
    """One frame to one device."""

    to: DeviceRef
    frame: Outgoing


class Ring(Struct, frozen=True):
    """The invitation to one device: made into a frame where the token can be derived."""

    room: Room
    invitation: Invitation
    device: DeviceRef


class Tell(Struct, frozen=True):
    """An event to every online device of these users, but for `skip`."""

    users: tuple[UserId, ...]
    event: Event
    skip: DeviceRef | None = None


class Conclude(Struct, frozen=True):
    """The one final result of an invitation or a transfer.

    It answers the request that the inviter's device has open; it is also sent as a frame unless the device ended
    the invitation itself.
    """

    inviter: DeviceRef
    request_id: RequestId
    result: InvitationResult | CancelInvitation | Answer
    told: bool = True


class Redirect(Struct, frozen=True):
    """`room-moved` to every online device of a user: made into a frame where the token can be derived."""

    room: Room
    user: UserId


class Rights(Struct, frozen=True, order=True):
    """What a node lets a user do in a room."""

    publish: bool = True
    receive: bool = True


class Grant(Struct, frozen=True):
    """The node admits the user with these rights: once more, where it has lost his grant or they have changed."""

    node: str
    room: RoomId
    user: UserId
    serial: int
    rights: Rights = Rights()


class Revoke(Struct, frozen=True):
    """The node forgets the user's grant and closes his peers."""

    node: str
    room: RoomId
    user: UserId
    reason: str


class CloseRoom(Struct, frozen=True):
    """The node closes the room; `remembered` while it has not, because the room is over everywhere."""

    node: str
    room: RoomId
    reason: str
    remembered: bool = True


class Record(Struct, frozen=True):
    """Something for the call history."""

    call: Entry


class Transferred(Struct, frozen=True):
    """How a transfer out of `room` ended, to be applied to that room: he moved to another, or did not (`error`)."""

    room: RoomId
    user: UserId
    by: UserId
    target: RoomId
    error: int | None


Effect = Send | Ring | Tell | Redirect | Conclude | Grant | Revoke | CloseRoom | Record | Transferred
