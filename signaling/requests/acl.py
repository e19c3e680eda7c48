"""`addToACL`, `removeFromACL`, `lockRoom`, `unlockRoom`."""

from __future__ import annotations

from ..errors import NobodyReachable
from ..qss import frames
from ..qss import rules as rooms
from ..qss.devices import Device
from ..qss.frames import Outgoing
from ..qss.identifiers import UserId
from ..qss.room import Room
from .parts import Parts, done


async def add_to_acl(parts: Parts, device: Device, frame: frames.AddToAcl) -> Outgoing:
    """Admit users without ringing them.  One reference that means nobody here: 404, and nobody is admitted."""
    room = await parts.attended(frame.payload, device.user)
    users = await _admissible(parts, device, room, frame.payload.participants)
    change = await parts.keeper.change(room.uuid, lambda r: rooms.add(r, device.user, users))
    return _acl(frame, change.room)


async def remove_from_acl(parts: Parts, device: Device, frame: frames.RemoveFromAcl) -> Outgoing:
    """Cut users off; who is not in the ACL does not matter."""
    room = await parts.attended(frame.payload, device.user)
    users = await _known(parts, device, frame.payload.participants)
    now, keep_until = parts.keeper.now(), parts.emptied_until()
    change = await parts.keeper.change(room.uuid, lambda r: rooms.expel(r, device.user, users, keep_until, now))
    return _acl(frame, change.room)


async def lock_room(parts: Parts, device: Device, frame: frames.LockRoom) -> Outgoing:
    """Nobody new is admitted."""
    room = await parts.room(frame.payload)
    await parts.keeper.change(room.uuid, lambda r: rooms.lock(r, device.user))
    return done(frame)


async def unlock_room(parts: Parts, device: Device, frame: frames.UnlockRoom) -> Outgoing:
    """The room is open again."""
    room = await parts.room(frame.payload)
    await parts.keeper.change(room.uuid, lambda r: rooms.unlock(r, device.user))
    return done(frame)


async def _admissible(parts: Parts, device: Device, room: Room, references: tuple[str, ...]) -> tuple[UserId, ...]:
    """Whom the references mean, of the device's own domain; raises NobodyReachable.

    Another domain's users are as unknown as nobody, so that they cannot be probed: they are invited.  Who is in the
    room is no secret to its participants.
    """
    called = [await parts.called(device, reference) for reference in references]
    users = [user for one in called for user in one.users]
    if any(user.domain != device.domain and user.id not in room.present for user in users):
        raise NobodyReachable
    return tuple(user.id for user in users)


async def _known(parts: Parts, device: Device, references: tuple[str, ...]) -> tuple[UserId, ...]:
    """Users who have been deleted meanwhile are known by their ids still."""
    found = [await parts.directory.resolve(reference, device.domain) for reference in references]
    return tuple(
        user
        for reference, called in zip(references, found, strict=True)
        for user in ([u.id for u in called.users] if called else [UserId(reference)])
    )


def _acl(frame: frames.Request, room: Room | None) -> Outgoing:
    participants = room.participants if room else ()
    reply = frames.AclReply(participants=participants)
    return frames.Answer(answer=frame.name, request_id=frame.request_id, payload=reply)
