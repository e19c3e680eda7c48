"""Who publishes in which room, for adapters: a watcher waits until there is as much to see as he has seats for.

front -> adapter -> **rooms**
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Generic, TypeVar

Published = TypeVar("Published")

WAIT_S = 10.0
"""Whoever has not come by then is not waited for: those who are there are shown."""


class Rooms(Generic[Published]):
    """Publishers by room and name, in the order in which they came."""

    def __init__(self, wait_s: float = WAIT_S) -> None:
        self._rooms: dict[str, dict[str, Published]] = {}
        self._changed = asyncio.Event()
        self._wait_s = wait_s

    def add(self, room: str, name: str, published: Published) -> None:
        """Somebody publishes from now on."""
        self._rooms.setdefault(room, {})[name] = published
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    def remove(self, room: str, name: str) -> None:
        """Somebody is gone."""
        self._rooms.get(room, {}).pop(name, None)

    async def others(self, room: str, name: str, seats: int) -> dict[str, Published]:
        """At most so many publishers beside `name`, once that many are there or the wait is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._wait_s):
                while len(self._others(room, name)) < seats:
                    await self._changed.wait()
        return dict(list(self._others(room, name).items())[:seats])

    def _others(self, room: str, name: str) -> dict[str, Published]:
        return {other: one for other, one in self._rooms.get(room, {}).items() if other != name}
