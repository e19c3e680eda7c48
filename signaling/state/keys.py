"""What rooms are found by.  Each backend keeps an index of these; `keys_of` says what a room is listed under."""

from __future__ import annotations

from msgspec import Struct

from ..qss.identifiers import DeviceRef, RequestId, UserId
from ..qss.room import Room


class ByNumber(Struct, frozen=True):
    """The live room with this number: at most one."""

    number: str


class ByNode(Struct, frozen=True):
    """The rooms placed on a node."""

    node: str


class ByRing(Struct, frozen=True):
    """The room of an invitation, open or accepted, by the requestID its devices are rung with."""

    ring_id: RequestId


class ByRequest(Struct, frozen=True):
    """The room of an open invitation or transfer, by the requester's device and requestID."""

    inviter: DeviceRef
    request_id: RequestId


class ByInviter(Struct, frozen=True):
    """The rooms where a device has invitations open."""

    inviter: DeviceRef


class ByInvitee(Struct, frozen=True):
    """The rooms to which a user is being invited."""

    invitee: UserId


class ByMember(Struct, frozen=True):
    """The rooms whose ACL has a user."""

    member: UserId


Key = ByNumber | ByNode | ByRing | ByRequest | ByInviter | ByInvitee | ByMember


def keys_of(room: Room) -> frozenset[Key]:
    """Everything a room is listed under."""
    keys: set[Key] = {ByNumber(room.number)} if room.is_lobby else {ByNumber(room.number), ByNode(room.node)}
    for invitation in room.invitations:
        keys |= {
            ByRing(invitation.ring_id),
            ByRequest(invitation.inviter, invitation.request_id),
            ByInviter(invitation.inviter),
        }
        keys |= {ByInvitee(invitee) for invitee in invitation.invitees}
    keys |= {ByRequest(transfer.by, transfer.request_id) for transfer in room.transfers}
    keys |= {ByMember(member.user) for member in room.members}
    keys |= {ByRing(member.answered[0]) for member in room.members if member.answered is not None}
    return frozenset(keys)
