"""`hold`, `unhold`, `mute`, `muteChange`."""

from __future__ import annotations

from ..qss import frames
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.frames import Outgoing
from .parts import Parts, done


async def hold(parts: Parts, device: Device, frame: frames.Hold) -> Outgoing:
    """The requester neither sends nor receives until `unhold`."""
    room = await parts.room(frame.payload)
    await parts.keeper.change(room.uuid, lambda r: rooms.hold(r, device.user))
    return done(frame)


async def unhold(parts: Parts, device: Device, frame: frames.Unhold) -> Outgoing:
    """The requester's media goes on."""
    room = await parts.room(frame.payload)
    await parts.keeper.change(room.uuid, lambda r: rooms.unhold(r, device.user))
    return done(frame)


async def mute(parts: Parts, device: Device, frame: frames.Mute) -> Outgoing:
    """Another participant is asked to mute himself, and decides."""
    asked = frame.payload
    room = await parts.attended(asked, device.user)
    to = await parts.one_user(device, asked.to)
    await parts.keeper.change(
        room.uuid, lambda r: rooms.mute_requested(r, device.user, to, asked.media, muted=asked.muted)
    )
    return done(frame)


async def mute_change(parts: Parts, device: Device, frame: frames.MuteChange) -> Outgoing:
    """The requester has muted or unmuted himself."""
    said = frame.payload
    room = await parts.room(said)
    await parts.keeper.change(room.uuid, lambda r: rooms.mute_changed(r, device.ref, said.media, muted=said.muted))
    return done(frame)
