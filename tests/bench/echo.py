"""The echo server that calls are measured beside, and how fast either is.

calls -> **echo** -> line -> socket -> served
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import aiohttp

from tests.bench.line import Line, Tally
from tests.bench.served import Served

WARM_UP_S = 1.0


@dataclass(frozen=True, slots=True)
class Rate:
    """What a server did in one measurement."""

    calls: int
    frames: int
    seconds: float
    cpu_s: float

    def __add__(self, more: Rate) -> Rate:
        """Both measurements as one."""
        return Rate(
            self.calls + more.calls, self.frames + more.frames, self.seconds + more.seconds, self.cpu_s + more.cpu_s
        )

    @property
    def frames_per_cpu_s(self) -> float:
        """Frames in and out for a second of the server's CPU time."""
        return self.frames / self.cpu_s


class Echo:
    """The echo server under frames of these sizes."""

    def __init__(self, server: Served, sizes: list[int], lines: int) -> None:
        self._server = server
        self._tally = Tally()
        self._asks = [(Line(self._tally), number) for number in range(lines)]
        self._sizes = sizes
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Echo:
        session = await self._stack.enter_async_context(http())
        for line, _ in self._asks:
            await line.connect(session, self._server.url)
            self._stack.push_async_callback(line.close)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def as_fast_as_possible(self, seconds: float) -> Rate:
        """Every line asks again and again."""
        asks = [_asking(line, self._sizes, number) for line, number in self._asks]
        return await measured(self._server, self._tally, seconds, asks)


def _asking(line: Line, sizes: list[int], number: int) -> Callable[[], Awaitable[object]]:
    texts = [json.dumps({"context": "x" * max(0, size - 30)}) for size in sizes]
    turn = iter(range(number, 1 << 62))

    async def ask() -> object:
        return await line.ask(texts[next(turn) % len(texts)])

    return ask


async def measured(server: Served, tally: Tally, seconds: float, steps: list[Callable[[], Awaitable[object]]]) -> Rate:
    """Each step again and again, side by side; counted once warm."""
    done, over = 0, False

    async def repeat(step: Callable[[], Awaitable[object]]) -> None:
        nonlocal done
        while not over:
            await step()
            done += 1

    tasks = [asyncio.ensure_future(repeat(step)) for step in steps]
    await asyncio.sleep(WARM_UP_S)
    began, before, cpu_s, frames = time.perf_counter(), done, server.cpu_s(), tally.count
    await asyncio.sleep(seconds)
    rate = Rate(done - before, tally.count - frames, time.perf_counter() - began, server.cpu_s() - cpu_s)
    over = True
    await asyncio.gather(*tasks)
    return rate


def http() -> aiohttp.ClientSession:
    """What any number of lines connect by."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
