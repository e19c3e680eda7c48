"""Muting: one participant asks another to mute himself, and whoever did tells the room.

The room keeps nothing of it: the media is muted where it is made, and the node tells who joins later.
"""

from __future__ import annotations

from .effects import Tell
from .frames import event
from .identifiers import DeviceRef, UserId
from .room import Change, Room


def mute_requested(room: Room, by: UserId, to: UserId, media: str, *, muted: bool) -> Change:
    """Ask `to` to mute or unmute; raises NotInAcl unless both attend."""
    room.attending(by)
    room.attending(to)
    told = event("mute-request", media=media, muted=muted, requestedBy=by, roomId=room.uuid, to=to)
    return Change(room, (Tell((to,), told),))


def mute_changed(room: Room, device: DeviceRef, media: str, *, muted: bool) -> Change:
    """Tell the room what a participant has muted; raises NotInAcl."""
    room.attending(device.user)
    told = event("mute-change", roomId=room.uuid, userId=device.user, media=media, muted=muted)
    return Change(room, (Tell(room.present, told, skip=device),))
