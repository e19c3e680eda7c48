"""One timer per key, on the clock it is given: the shell around `deadline()` of the rules."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable

from common.log import FieldLog

LONGEST_S = 86_400.0  # what is due later is looked at once a day

log = FieldLog(__name__)


class Timers:
    """Arms, moves and disarms timers; firing starts `on_time(key)` as a task of ours.

    `close` disarms all and waits for what has fired already.
    """

    def __init__(
        self, on_time: Callable[[Hashable], Awaitable[None]], now: Callable[[], float] = time.monotonic
    ) -> None:
        # Given to us.
        self._on_time = on_time
        self._now = now
        # Ours.
        self._armed: dict[Hashable, asyncio.TimerHandle] = {}
        self._fired: set[asyncio.Task[None]] = set()

    def arm(self, key: Hashable, at: float | None) -> None:
        """Fire for `key` at `at` (seconds of our clock); None disarms.  A key has one timer, the last armed."""
        if (old := self._armed.pop(key, None)) is not None:
            old.cancel()
        if at is not None:
            wait_s = min(max(0.0, at - self._now()), LONGEST_S)
            self._armed[key] = asyncio.get_running_loop().call_later(wait_s, self._fire, key)

    def __len__(self) -> int:
        return len(self._armed)

    async def close(self) -> None:
        """Disarm everything."""
        for handle in self._armed.values():
            handle.cancel()
        self._armed.clear()
        if self._fired:
            await asyncio.wait(self._fired)

    def _fire(self, key: Hashable) -> None:
        self._armed.pop(key, None)
        task = asyncio.get_running_loop().create_task(self._run(key))
        self._fired.add(task)
        task.add_done_callback(self._fired.discard)

    async def _run(self, key: Hashable) -> None:
        try:
            await self._on_time(key)
        except Exception:
            log.fault("timer_failed", key=key)
