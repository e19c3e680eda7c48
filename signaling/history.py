"""Writes what the state's journal holds into the call history, and goes on trying while the database is away.

rules -> effects (`Record`) -> state (journal) -> **history** -> store
"""

from __future__ import annotations

import asyncio
from typing import Protocol, assert_never

from common.log import FieldLog

from .errors import StateAway
from .qss.history import CallEnded, CallRecord
from .state import Journal
from .state.deliveries import Entry

AGAIN_S = 1.0  # between attempts while database or state are away

log = FieldLog(__name__)


class Calls(Protocol):
    """The lasting history; writing an entry twice is harmless."""

    async def record(self, call: CallRecord) -> None:
        """An invitation is over."""

    async def ended(self, ended: CallEnded) -> None:
        """The talk that came of it is over."""


class LoggedCalls:
    """A history that goes to the log alone."""

    async def record(self, call: CallRecord) -> None:
        """An invitation is over."""
        log.info("call_over", call=call.id, room=call.room, reason=call.reason)

    async def ended(self, ended: CallEnded) -> None:
        """The talk that came of it is over."""
        log.info("call_ended", room=ended.room, reason=ended.reason)


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
        """Stop; what is not written stays in the state."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
            self._task = None

    async def _run(self) -> None:
        while True:
            try:
                await self._write(await self._journal.take())
            except StateAway:
                await asyncio.sleep(AGAIN_S)
            except Exception:
                log.fault("history_not_written")
                await asyncio.sleep(AGAIN_S)

    async def _write(self, entries: dict[str, Entry]) -> None:
        for name, entry in entries.items():
            await self._write_one(entry)
            await self._journal.done((name,))

    async def _write_one(self, entry: Entry) -> None:
        match entry:
            case CallRecord():
                await self._calls.record(entry)
            case CallEnded():
                await self._calls.ended(entry)
            case _:
                assert_never(entry)
