"""Changes rooms: applies a rule to the state, together with what is to be delivered, and keeps the room's one timer.

requests, nodes, presence, timers -> **keeper** -> rules -> dispatch -> state
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Hashable
from functools import partial
from typing import cast

from common.log import FieldLog

from .config import SignalingConfig
from .dispatch import Dispatch
from .errors import StateAway, UnknownRoom
from .metrics import Metrics
from .qss import rules as rooms
from .qss.effects import CloseRoom, Conclude, Record, Tell, Transferred
from .qss.history import CallRecord
from .qss.identifiers import DeviceRef, Instant, RoomId, UserId
from .qss.room import Change, Room
from .state import Rule, State
from .state.deliveries import SignOut
from .state.keys import ByInvitee, ByNode
from .timers import Timers

ADDED_ELSEWHERE_S = 0.25  # how often a room that another process may add is looked for

log = FieldLog(__name__)


class Keeper:
    """The only writer of rooms."""

    def __init__(self, state: State, dispatch: Dispatch, config: SignalingConfig, metrics: Metrics) -> None:
        # Given to us.
        self._state = state
        self._rooms = state.rooms
        self._dispatch = dispatch
        self._config = config
        self._metrics = metrics
        # Ours.
        self._timers = Timers(self._on_time, self.now)
        self._started_at = self.now()
        self._added = asyncio.Event()

    async def close(self) -> None:
        """Disarm all timers; the rooms stay, for the nodes will tell of them."""
        await self._timers.close()

    @property
    def armed(self) -> int:
        """How many rooms have a deadline."""
        return len(self._timers)

    def now(self) -> Instant:
        """The time that rules are given: seconds since the epoch, the same at every process."""
        return self._state.now()

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
        until = self._started_at + self._config.adopt_within_s
        while (found := await self._rooms.get(room)) is None:
            left_s = until - self.now()
            if left_s <= 0:
                raise UnknownRoom(room)
            await self._added_within(min(left_s, ADDED_ELSEWHERE_S))
        return found

    async def change(self, room: RoomId, rule: Rule) -> Change:
        """Apply a rule as one step and have its effects carried out; raises UnknownRoom and what the rule raises."""
        await self._state.room_for_more()
        return await self._change(room, rule)

    async def post(self, *effects: Tell | Record | CloseRoom) -> None:
        """Have something done that changes no room, after all that was decided before."""
        await self._state.post(*self._dispatch(Change(None, effects)))

    async def transferred(self, end: Transferred) -> None:
        """A transfer has ended in one room; the other learns it.  It does not wait, for it makes room in the inbox."""
        try:
            await self._change(end.room, partial(rooms.transferred, end=end, now=self.now()))
        except UnknownRoom:
            log.debug("room_gone_meanwhile", room=end.room)

    async def _change(self, room: RoomId, rule: Rule) -> Change:
        change = await self._rooms.change(room, rule, self._dispatch)
        self._timers.arm(room, change.room.deadline() if change.room else None)
        self._told(room, change)
        return change

    async def destroy(self, room: RoomId, reason: str) -> None:
        """End a room, if it lives."""
        await self._try(room, lambda r: rooms.destroy(r, reason, self.now()))

    async def on(self, node: str) -> tuple[RoomId, ...]:
        """The rooms of a node, the oldest first."""
        return await self._rooms.find(ByNode(node))

    async def find(self, room: RoomId) -> Room | None:
        """The room, if it lives."""
        return await self._rooms.get(room)

    async def device_came(self, device: DeviceRef) -> None:
        """A device is online: it rings if its user is being rung."""
        for room in await self._rooms.find(ByInvitee(device.user)):
            await self._try(room, lambda r: rooms.device_came(r, device, self.now()))

    async def device_gone(self, device: DeviceRef) -> None:
        """A device is offline."""
        for room in await self._rooms.find(ByInvitee(device.user)):
            kept = Instant(self.now() + self._config.ring_keep_s)
            await self._try(room, lambda r, k=kept: rooms.device_gone(r, device, k, self.now()))  # type: ignore[misc]

    async def end_sessions(self, user: UserId, session: str | None, reason: str) -> None:
        """Disconnect a user's devices at every process: those that signed in with this session, or all."""
        await self._state.post(SignOut(user, session, reason))

    async def on_time(self, room: RoomId) -> None:
        """The room's deadline has come."""
        await self._try(room, lambda r: rooms.on_time(r, self.now()))

    async def _on_time(self, key: Hashable) -> None:
        with contextlib.suppress(StateAway):  # whoever finds it due later sees to it
            await self.on_time(cast("RoomId", key))

    async def _added_within(self, wait_s: float) -> None:
        """Wait until a room is added here, or a moment, for it may be added by another process."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._added.wait()

    async def _try(self, room: RoomId, rule: Rule) -> None:
        try:
            await self.change(room, rule)
        except UnknownRoom:
            log.debug("room_gone_meanwhile", room=room)

    def _told(self, room: RoomId, change: Change) -> None:
        for effect in change.effects:
            if isinstance(effect, Record) and isinstance(effect.call, CallRecord):
                self._metrics.invitation_over(effect.call.reason)
            if isinstance(effect, Conclude):
                code = getattr(effect.result, "error", None) or 0
                log.info("invitation_over", room=room, inviter=effect.inviter.user, code=code)
        if change.room is None:
            log.info("room_over", room=room)
