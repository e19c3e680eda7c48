"""The ACL: leaving it, being added, being removed.

requests -> **acl** -> departing, inviting

Everybody who attends a room has the same powers over its ACL, as rooms of calls have no owner.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..errors import RoomFull, RoomLocked
from .admitting import admissible, admit, with_a_place
from .departing import depart, settled, vacated
from .effects import Effect, Grant, Tell
from .events import Admitted, event
from .identifiers import DeviceRef, Instant, UserId
from .inviting import cancel_all, refuse, remove
from .membership import Passage, after
from .room import Change, Room

LEFT = "left"
REMOVED = "removed"


def leave(room: Room, device: DeviceRef, keep_until: Instant, now: Instant) -> Change:
    """A user leaves by `leaveRoom`: out of the ACL and the media, on all devices; raises NotInAcl.

    A user who is still being rung refuses the invitation by leaving.
    """
    if after(room.member(device.user).standing, Passage.DEPART) is None:
        return refuse(room, device.user, now)
    change = depart(room, device.user, LEFT, now, skip=device)
    change = cancel_all(change, device.user, now, own=device)
    return settled(vacated(change, room, keep_until), now)


def add(room: Room, by: UserId, users: Iterable[UserId]) -> Change:
    """Admit users without ringing them; their devices hear of it.  Raises NotInAcl, RoomLocked, RoomFull."""
    room.attending(by)
    new = admissible(room, users, Passage.ADMIT)
    if not new:
        return Change(room)
    if room.locked:
        raise RoomLocked
    if len(with_a_place(room, new)) < len(new):
        raise RoomFull(room.participants_limit)
    following, members = admit(room, new, Passage.ADMIT)
    effects: list[Effect] = [Grant(room.node, room.uuid, m.user, m.serial, m.rights) for m in members]
    effects += [Tell((user,), event(Admitted(room_id=room.uuid, user_id=user, by=by))) for user in new]
    return Change(following, tuple(effects))


def expel(room: Room, by: UserId, users: Iterable[UserId], keep_until: Instant, now: Instant) -> Change:
    """Cut users off at once, and end what they are invited by or have open.  Raises NotInAcl."""
    room.attending(by)
    change = Change(room)
    for user in dict.fromkeys(users):
        change = change.then(lambda r, u=user: _expelled(r, u, now))  # type: ignore[misc]
    return settled(vacated(change, room, keep_until), now)


def _expelled(room: Room, user: UserId, now: Instant) -> Change:
    if not room.has(user):
        return Change(room)
    if after(room.standing(user), Passage.DEPART) is None:
        return remove(room, user, now)
    return cancel_all(depart(room, user, REMOVED, now), user, now, own=None)
