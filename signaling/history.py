"""Writes what the state's journal holds into the call history, and goes on trying while the database is away.

rules -> effects (`Record`) -> state (journal) -> **history** -> store
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from common.log import FieldLog

from .errors import StateAway, StoreAway
from .qss.history import Entry
from .state import Journal
from .store.calls import Calls
from .tasks import ended

AGAIN_S = 1.0  # between attempts while database or state are away
GATHER_S = 0.2  # between transactions, in which entries gather: one costs as much for a hundred as for one
AT_ONCE = 100  # entries in one transaction

log = FieldLog(__name__)


class History:
    """The one task that writes.  `start`, then `close`, which ends it."""

    def __init__(self, journal: Journal, calls: Calls) -> None:
        # Given to us.
        self._journal = journal
        self._calls = calls
        # Ours.
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="history")

    async def close(self) -> None:
        """Stop, with what came last written; what cannot be written now stays in the state."""
        await ended(self._task)
        with suppress(StateAway, StoreAway):
            while entries := await self._journal.left():
                await self._write(entries)

    async def _run(self) -> None:
        while True:
            try:
                await self._write(await self._journal.take())
                await asyncio.sleep(GATHER_S)
            except (StateAway, StoreAway):
                log.warning("history_waits", again_s=AGAIN_S)
                await asyncio.sleep(AGAIN_S)
            except Exception:
                log.fault("history_not_written")
                await asyncio.sleep(AGAIN_S)

    async def _write(self, entries: dict[str, Entry]) -> None:
        names = tuple(entries)
        for start in range(0, len(names), AT_ONCE):
            batch = names[start : start + AT_ONCE]
            await self._calls.write([entries[name] for name in batch])
            await self._journal.done(batch)
