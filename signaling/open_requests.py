"""Requests that wait for their answer, and the answers given: why a repeated request does nothing twice.

A request is known by its device and its requestID.  While it is open, a repetition waits for the same answer; later it
gets the same answer again.
"""

from __future__ import annotations

import asyncio
from collections import Counter

from .errors import TooFast
from .qss.effects import Conclude
from .qss.frames import Outgoing
from .qss.identifiers import DeviceRef, Instant, RequestId
from .state import Answers

Key = tuple[DeviceRef, RequestId]


class OpenRequests:
    """The open requests of this process's devices; answers are remembered in the state."""

    def __init__(self, answers: Answers, limit: int) -> None:
        self._answers = answers
        self._limit = limit
        self._open: dict[Key, asyncio.Future[Outgoing]] = {}
        self._count: Counter[DeviceRef] = Counter()

    def waiting(self, key: Key) -> asyncio.Future[Outgoing] | None:
        """The future answer of a request that is open."""
        return self._open.get(key)

    async def given(self, key: Key, now: Instant) -> Outgoing | None:
        """The answer that a request got before."""
        return await self._answers.get(*key, now)

    def open(self, key: Key) -> asyncio.Future[Outgoing]:
        """Begin a request; raises TooFast when the device has too many open."""
        if self._count[key[0]] >= self._limit:
            raise TooFast("too many open requests")
        self._count[key[0]] += 1
        future = self._open[key] = asyncio.get_running_loop().create_future()
        return future

    async def on_conclude(self, effect: Conclude) -> None:
        """An invitation is over: its request is answered."""
        now = Instant(asyncio.get_running_loop().time())
        await self.conclude((effect.inviter, effect.request_id), effect.result, now)

    async def conclude(self, key: Key, answer: Outgoing, now: Instant) -> bool:
        """Answer a request, whether it is still open or not; False if it had its answer already."""
        future = self._open.pop(key, None)
        if future is None and await self._answers.get(*key, now) is not None:
            return False
        await self._answers.put(*key, answer, now)
        if future is not None:
            self._close(key)
            if not future.done():
                future.set_result(answer)
        return True

    def close(self) -> None:
        """Nobody will be answered any more."""
        for future in self._open.values():
            future.cancel()
        self._open.clear()
        self._count.clear()

    def __len__(self) -> int:
        return len(self._open)

    def _close(self, key: Key) -> None:
        self._count[key[0]] -= 1
        if not self._count[key[0]]:
            del self._count[key[0]]
