"""What the handlers of requests work with, and the few steps that several of them take."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass

from ..config import SignalingConfig
from ..errors import NobodyReachable, NotInAcl
from ..ice import IceServers
from ..inbox import Inbox
from ..keeper import Keeper
from ..limits import RingLimits
from ..nodes.nodes import Nodes
from ..qss import frames, replies
from ..qss.devices import Device
from ..qss.effects import Record, Tell
from ..qss.frames import RoomReply, Sent
from ..qss.identifiers import DeviceRef, Instant, RoomId, UserId
from ..qss.room import Room
from ..state import State
from ..store.directory import Directory
from ..store.values import Called
from ..tokens import RoomTokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Given to every handler; closed by whoever made them."""

    config: SignalingConfig
    state: State
    directory: Directory
    keeper: Keeper
    nodes: Nodes
    inbox: Inbox
    tokens: RoomTokens
    ice: IceServers
    rings: RingLimits

    async def room(self, named: frames.RoomPayload) -> Room:
        """The room that a request names; raises UnknownRoom."""
        return await self.keeper.awaited(RoomId(named.uuid))

    async def attended(self, named: frames.RoomPayload, user: UserId) -> Room:
        """The room that a request names, which the requester attends; raises UnknownRoom and NotInAcl."""
        room = await self.room(named)
        room.attending(user)
        return room

    async def called(self, device: Device, reference: str) -> Called:
        """Whom a reference means; raises NobodyReachable."""
        called = await self.directory.resolve(reference, device.domain)
        if called is None:
            raise NobodyReachable
        return called

    async def one_user(self, device: Device, reference: str) -> UserId:
        """The one user whom a reference means; raises NobodyReachable, NotInAcl for whoever is none."""
        called = await self.directory.resolve(reference, device.domain)
        if called is None or called.is_group or not called.users:
            raise NotInAcl
        return called.users[0].id

    async def online(self, users: Iterable[UserId]) -> tuple[DeviceRef, ...]:
        """The devices of these users that are online."""
        return tuple([device.ref for user in users for device in await self.state.devices.of(user)])

    async def send(self, device: DeviceRef, frame: Sent) -> None:
        """Send a frame to a device, after all that was decided before."""
        await self.inbox.send(device, frame)

    async def carry_out(self, *effects: Tell | Record) -> None:
        """Have something done after all that was decided before."""
        await self.keeper.post(*effects)

    def token(self, room: Room, user: UserId) -> str:
        """The room token of somebody in the ACL; raises NotInAcl."""
        return self.tokens.token(room.uuid, user, room.member(user).serial, room.key)

    def room_reply(self, room: Room, user: UserId) -> RoomReply:
        """ROOM as this user is shown it; raises NotInAcl."""
        return replies.room_reply(room, self.token(room, user), self.ice_for(user))

    def ice_for(self, user: UserId) -> tuple[frames.IceServer, ...]:
        """STUN, and TURN with credentials for a while."""
        return self.ice.for_user(user, time.time())

    def emptied_until(self) -> Instant:
        """How long a room that somebody just left lives on without media."""
        return Instant(self.keeper.now() + self.config.room_keep_s)

    def joined_until(self) -> Instant:
        """How long a room waits for the media of who was just admitted."""
        return Instant(self.keeper.now() + self.config.join_within_s)

    def rung_until(self) -> Instant:
        """How long somebody is rung from now on."""
        return Instant(self.keeper.now() + self.config.ring_timeout_s)


def done(frame: frames.Request) -> frames.Answer:
    """The answer that says no more than that it is done."""
    return frames.Answer(answer=frame.name, request_id=frame.request_id, payload=frames.Done())
