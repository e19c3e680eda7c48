"""A room goes on elsewhere: another node takes it from one that is lost, or its node has another address.

nodes (rescue, reports) -> **moving** -> effects

Nobody's media survives its node, so that whoever was connected joins anew, where `Redirect` sends him.  What was agreed
upon stays: the ACL and its tokens, open invitations and transfers, who is on hold; to the call history it is the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from .effects import CloseRoom, Effect, Grant, Redirect, Revoke, Rights
from .frames import Server
from .identifiers import Instant, UserId
from .invitations import State
from .room import Change, Room

MOVED = "moved to another node"


def moved(room: Room, before: Room, node: str, server: Server, keep_until: Instant) -> Change:
    """A node carries the room now, and admits whom the ACL had in `before`, as it was when the node was asked.

    `keep_until`: how long it waits for somebody's media.  Refused where somebody else has moved it meanwhile; what this
    node was told is put right all the same, if it was that node.
    """
    given = frozenset((member.user, member.serial, member.rights) for member in before.members)
    if room.node != before.node:
        right = tuple(put_right(room, given)) if room.node == node else ()
        return Change(room, right, refused=True)
    following = replace(
        room,
        node=node,
        server=server,
        peers=room.peers - before.peers if node == before.node else frozenset(),
        rated=(),
        keep_until=max(room.keep_until, keep_until),
    )
    left = () if node == before.node else (CloseRoom(before.node, room.uuid, MOVED, remembered=False),)
    return Change(following, (*left, *put_right(following, given), *redirects(following)))


def redirects(room: Room) -> Iterable[Redirect]:
    """Everybody in the room, and whoever is being rung, is told where it is."""
    rung = {user for i in room.invitations if i.state is State.RINGING for user in i.invitees}
    present = frozenset(room.present)
    yield from (Redirect(room, user) for user in room.participants if user in present or user in rung)


def put_right(room: Room, granted: frozenset[tuple[UserId, int, Rights]]) -> Iterable[Effect]:
    """The room's node admits those; from now on it admits whom the ACL has."""
    admitted = frozenset((member.user, member.serial, member.rights) for member in room.members)
    for user in sorted({user for user, _, _ in granted if not room.has(user)}):
        yield Revoke(room.node, room.uuid, user, "not in the ACL")
    yield from (Grant(room.node, room.uuid, *grant) for grant in sorted(admitted - granted))
