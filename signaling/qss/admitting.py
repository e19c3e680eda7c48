"""Into the ACL and out of it: the steps of `membership.py` as they change a room.

acl, inviting, media, departing, transferring -> **admitting** -> membership (the table)
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from .identifiers import DeviceId, RequestId, UserId
from .membership import Passage, Standing, after
from .room import Member, Room


def admissible(room: Room, users: Iterable[UserId], step: Passage) -> tuple[UserId, ...]:
    """Those of `users` whom `step` would admit, each once."""
    return tuple(dict.fromkeys(user for user in users if after(room.standing(user), step) is not None))


def with_a_place(room: Room, users: tuple[UserId, ...]) -> tuple[UserId, ...]:
    """Those of `users` for whom there is a place: who is in the ACL has one, the others take what is free."""
    here = tuple(user for user in users if room.has(user))
    free = max(0, room.participants_limit - len(room.members))
    return here + tuple(user for user in users if user not in here)[:free]


def admit(room: Room, users: tuple[UserId, ...], step: Passage) -> tuple[Room, tuple[Member, ...]]:
    """The room with `users` at the end of its ACL, each by a grant of his own, and their entries."""
    admitted = tuple(
        Member(user, serial, standing)
        for serial, user in enumerate(users, start=room.next_serial)
        if (standing := after(room.standing(user), step)) is not None
    )
    kept = tuple(member for member in room.members if member.user not in users)
    return replace(room, members=(*kept, *admitted), next_serial=room.next_serial + len(users)), admitted


def stepped(room: Room, user: UserId, step: Passage, answered: tuple[RequestId, DeviceId] | None = None) -> Room:
    """The room after what happened to somebody in its ACL; the same where the table refuses it."""
    standing = after(room.standing(user), step)
    if standing is None:
        return room
    if standing is Standing.ABSENT:
        return _without(room, user)
    members = tuple(
        replace(m, standing=standing, answered=answered or m.answered) if m.user == user else m for m in room.members
    )
    return replace(room, members=members)


def _without(room: Room, user: UserId) -> Room:
    return replace(
        room,
        members=tuple(member for member in room.members if member.user != user),
        peers=frozenset(peer for peer in room.peers if peer.user != user),
    )
