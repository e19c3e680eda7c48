"""Forgets call history, audit and expired sessions once they are older than they are kept.

timers -> **retention** -> store

Every process does it, at its start and hourly.  It says only what is too old: two who do it at once remove the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from common.log import FieldLog

from .errors import StoreAway
from .store import Store
from .tasks import ended

EVERY_S = 3600.0
DAY_S = 86_400.0

log = FieldLog(__name__)


class Retention:
    """One task.  `start`, then `close`."""

    def __init__(
        self,
        store: Store,
        keep_days: float,
        *,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        # Given to us.
        self._store = store
        self._keep_s = keep_days * DAY_S
        self._now = now
        self._sleep = sleep
        # Ours.
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to forget."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="retention")

    async def close(self) -> None:
        """Stop."""
        await ended(self._task)

    async def forget(self) -> None:
        """Remove what is too old now."""
        before_ms = int((self._now() - self._keep_s) * 1000)
        calls = await self._store.calls.forget_before(before_ms)
        entries = await self._store.audit.forget_before(before_ms)
        sessions = await self._store.sessions.forget_before(before_ms)
        if calls or entries or sessions:
            log.info("forgotten", calls=calls, audit=entries, sessions=sessions)

    async def _run(self) -> None:
        while True:
            try:
                await self.forget()
            except StoreAway:
                log.warning("nothing_forgotten", reason="the database is away")
            except Exception:
                log.fault("nothing_forgotten")
            await self._sleep(EVERY_S)
