"""Changes rooms: applies a rule to the state, keeps the room's one timer, and passes the effects on.

requests, nodes, gateway, timers -> **keeper** -> rules -> state, outbox
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from functools import partial
from typing import cast

from common.log import FieldLog

from .config import SignalingConfig
from .errors import UnknownRoom
from .outbox import Outbox
from .qss import rooms
from .qss.effects import Conclude, Transferred
from .qss.identifiers import DeviceRef, Instant, RoomId
from .qss.rooms import Change, Room
from .state import Rooms, Rule
from .state.keys import ByInvitee, ByNode
from .timers import Timers

log = FieldLog(__name__)


class Keeper:
    """The only writer of rooms."""

    def __init__(self, state: Rooms, outbox: Outbox, config: SignalingConfig) -> None:
        # Given to us.
        self._rooms = state
        self._outbox = outbox
        self._config = config
        # Ours.
        self._timers = Timers(self._on_time)
        self._started_at = self.now()
        self._added = asyncio.Event()

    async def close(self) -> None:
        """Disarm all timers; the rooms stay, for the nodes will tell of them."""
        await self._timers.close()

    @property
    def armed(self) -> int:
        """How many rooms have a deadline."""
        return len(self._timers)

    @staticmethod
    def now() -> Instant:
        """The time that rules are given."""
        return Instant(asyncio.get_running_loop().time())

    async def add(self, room: Room) -> bool:
        """Keep a new room; False if its number is taken."""
        if not await self._rooms.add(room):
            return False
        self._timers.arm(room.uuid, room.deadline())
        self._added.set()
        self._added = asyncio.Event()
        log.info("room_created", room=room.uuid, node=room.node)
        return True

    async def get(self, room: RoomId) -> Room:
        """The room; raises UnknownRoom."""
        found = await self._rooms.get(room)
        if found is None:
            raise UnknownRoom(room)
        return found

    async def awaited(self, room: RoomId) -> Room:
        """The room, waited for while we have just started and its node may still tell of it; raises UnknownRoom."""
        try:
            async with asyncio.timeout_at(self._started_at + self._config.adopt_within_s):
                while (found := await self._rooms.get(room)) is None:
                    await self._added.wait()
                return found
        except TimeoutError:
            return await self.get(room)

    async def change(self, room: RoomId, rule: Rule) -> Change:
        """Apply a rule as one step and have its effects carried out; raises UnknownRoom and what the rule raises."""
        change = await self._rooms.change(room, rule)
        self._timers.arm(room, change.room.deadline() if change.room else None)
        self._log(room, change)
        await self._outbox.put(change.effects)
        for effect in change.effects:
            if isinstance(effect, Transferred):
                await self._try(effect.room, partial(rooms.transferred, end=effect, now=self.now()))
        return change

    async def destroy(self, room: RoomId, reason: str) -> None:
        """End a room, if it lives."""
        await self._try(room, lambda r: rooms.destroy(r, reason, self.now()))

    async def destroy_on(self, node: str, reason: str, but: frozenset[RoomId] = frozenset()) -> None:
        """End all rooms of a node but these."""
        for room in await self._rooms.find(ByNode(node)):
            if room not in but:
                await self.destroy(room, reason)

    async def device_came(self, device: DeviceRef) -> None:
        """A device is online: it rings if its user is being rung."""
        for room in await self._rooms.find(ByInvitee(device.user)):
            await self._try(room, lambda r: rooms.device_came(r, device, self.now()))

    async def device_gone(self, device: DeviceRef) -> None:
        """A device is offline."""
        for room in await self._rooms.find(ByInvitee(device.user)):
            kept = Instant(self.now() + self._config.ring_keep_s)
            await self._try(room, lambda r, k=kept: rooms.device_gone(r, device, k, self.now()))  # type: ignore[misc]

    async def _on_time(self, key: Hashable) -> None:
        await self._try(cast("RoomId", key), lambda r: rooms.on_time(r, self.now()))

    async def _try(self, room: RoomId, rule: Rule) -> None:
        try:
            await self.change(room, rule)
        except UnknownRoom:
            log.debug("room_gone_meanwhile", room=room)

    @staticmethod
    def _log(room: RoomId, change: Change) -> None:
        for effect in change.effects:
            if isinstance(effect, Conclude):
                code = getattr(effect.result, "error", None) or 0
                log.info("invitation_over", room=room, inviter=effect.inviter.user, code=code)
        if change.room is None:
            log.info("room_over", room=room)
