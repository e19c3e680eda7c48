"""Rooms in Redis: read, changed by a rule here, and written by one script if nobody was faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import StateAway, UnknownRoom
from ..qss.identifiers import Instant, RoomId
from ..qss.room import Change, Room
from . import Dispatch, Rule, codec, nothing
from .deliveries import Delivery, ProcessId
from .keys import ByNumber, Key, keys_of
from .redis_client import PREFIX, Client

ATTEMPTS = 100  # so many others being faster, one after the other, is no race any more
DONE = 1
NONE = -1.0  # no deadline


class RedisRooms:
    """The live rooms."""

    def __init__(self, client: Client, process: ProcessId, now: Callable[[], Instant]) -> None:
        # Given to us.
        self._client = client
        self._process = process
        self._now = now

    async def add(self, room: Room) -> bool:
        """Keep a new room; False if its number or id is taken."""
        outcome = await self._commit(room.uuid, b"", None, room, (), unique=codec.key_name(ByNumber(room.number)))
        return bool(outcome[0] == DONE)

    async def get(self, room: RoomId) -> Room | None:
        """The room as it is now."""
        data = await self._client.do("GET", f"{PREFIX}room:{room}")
        return codec.room_of(data) if data else None

    async def change(self, room: RoomId, rule: Rule, dispatch: Dispatch = nothing) -> Change:
        """Apply a rule and post what comes of it as one step; raises UnknownRoom."""
        data: bytes = await self._client.do("GET", f"{PREFIX}room:{room}") or b""
        for _ in range(ATTEMPTS):
            if not data:
                raise UnknownRoom(room)
            before = codec.room_of(data)
            change = rule(before)
            deliveries = dispatch(change)
            if change.room == before and not deliveries:
                return change
            outcome = await self._commit(room, data, before, change.room, deliveries)
            if outcome[0] == DONE:
                return change
            data = outcome[1]
        raise StateAway

    async def find(self, key: Key) -> tuple[RoomId, ...]:
        """The rooms that a key leads to, the oldest first."""
        found = await self._client.do("ZRANGE", f"{PREFIX}by:{codec.key_name(key)}", 0, -1)
        return tuple(RoomId(room.decode()) for room in found)

    async def count(self) -> int:
        """How many rooms live."""
        return int(await self._client.do("SCARD", f"{PREFIX}rooms"))

    async def _commit(
        self,
        room: RoomId,
        data: bytes,
        before: Room | None,
        after: Room | None,
        deliveries: tuple[Delivery, ...],
        unique: str = "",
    ) -> list[Any]:
        old = keys_of(before) if before else frozenset()
        new = keys_of(after) if after else frozenset()
        deadline = after.deadline() if after else None
        outcome: list[Any] = await self._client.run(
            "commit",
            room,
            codec.text(data),
            codec.text(codec.encode(after) if after else b""),
            sorted(map(codec.key_name, new - old)),
            sorted(map(codec.key_name, old - new)),
            unique,
            NONE if deadline is None else deadline,
            self._now(),
            [codec.addressed(delivery, self._process) for delivery in deliveries],
        )
        return outcome
