"""Short-lived state: who is online, which rooms live, what was answered.  One interface, one backend per file.

Rules never see this; the shells do.  Every method is a coroutine, though memory never waits, because the Redis backend
of several signaling processes will.  `Rooms.change` is the one that matters: it applies a rule to a room as one step
(in memory because nothing else runs meanwhile, in Redis by compare-and-set), so that accepting is atomic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ..qss.devices import Device
from ..qss.frames import Outgoing
from ..qss.identifiers import DeviceRef, Instant, RequestId, RoomId, UserId
from ..qss.rooms import Change, Room
from .keys import Key

Rule = Callable[[Room], Change]


class Rooms(Protocol):
    """The live rooms, found by id or by what they are about (`keys.py`)."""

    async def add(self, room: Room) -> bool:
        """Keep a new room; False if its number or id is taken."""

    async def get(self, room: RoomId) -> Room | None:
        """The room as it is now."""

    async def change(self, room: RoomId, rule: Rule) -> Change:
        """Apply a rule as one step; raises UnknownRoom.  What the rule raises changes nothing."""

    async def find(self, key: Key) -> tuple[RoomId, ...]:
        """The rooms that a key leads to."""

    async def count(self) -> int:
        """How many rooms live."""


class Devices(Protocol):
    """The devices that are online."""

    async def put(self, device: Device) -> Device | None:
        """The device is here; gives what it replaces: the same device's older connection."""

    async def remove(self, device: Device) -> bool:
        """The device is gone; False if a newer connection has taken its place."""

    async def get(self, device: DeviceRef) -> Device | None:
        """The connection of one device."""

    async def of(self, user: UserId) -> tuple[Device, ...]:
        """All devices of a user."""


class Answers(Protocol):
    """Answers given, for requests that are repeated.  Bounded per device and in time; the oldest go first."""

    async def put(self, device: DeviceRef, request: RequestId, frame: Outgoing, now: Instant) -> None:
        """Remember an answer."""

    async def get(self, device: DeviceRef, request: RequestId, now: Instant) -> Outgoing | None:
        """The answer given, if it is still remembered."""


class State(Protocol):
    """All of it, under one owner."""

    @property
    def rooms(self) -> Rooms:
        """The live rooms."""

    @property
    def devices(self) -> Devices:
        """The devices that are online."""

    @property
    def answers(self) -> Answers:
        """Answers given."""

    async def close(self) -> None:
        """Let go of the backend."""
