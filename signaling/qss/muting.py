"""Muting: one participant asks another to mute himself, and whoever did tells the room.

The room keeps nothing of it: the media is muted where it is made, and the node tells who joins later.
"""

from __future__ import annotations

from .effects import Tell
from .events import MuteChanged, MuteRequest, event
from .identifiers import DeviceRef, UserId
from .incoming import Media
from .room import Change, Room


def mute_requested(room: Room, by: UserId, to: UserId, media: Media, *, muted: bool) -> Change:
    """Ask `to` to mute or unmute; raises NotInAcl unless both attend."""
    room.attending(by)
    room.attending(to)
    asked = MuteRequest(room_id=room.uuid, media=media, muted=muted, requested_by=by, to=to)
    return Change(room, (Tell((to,), event(asked)),))


def mute_changed(room: Room, device: DeviceRef, media: Media, *, muted: bool) -> Change:
    """Tell the room what a participant has muted; raises NotInAcl."""
    room.attending(device.user)
    said = MuteChanged(room_id=room.uuid, user_id=device.user, media=media, muted=muted)
    return Change(room, (Tell(room.present, event(said), skip=device),))
