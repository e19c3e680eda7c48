"""One run: everybody comes, a warm-up, the measured part, everybody leaves.

tester -> **run** -> crowd (joins and leaves), engines (packets), sampling (rows) -> report

It can be stopped at any time; what was measured until then is the result.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from agents.load.bottleneck import OwnUsage
from agents.load.crowd import Crowd
from agents.load.doors import Door
from agents.load.endpoint import Studio
from agents.load.ramp import Churn, arrivals
from agents.load.report import Measured
from agents.load.sampling import Moment, Phase, Series
from agents.load.server import ServerProcess, account

TICK_S: Final = 0.05
"""Between two looks at who has to leave and who speaks."""
ROW_S: Final = 1.0

Watch = Callable[[dict[str, Any]], None]


@dataclass(slots=True)
class _Rows:
    """When the next row is due, and since when it counts."""

    series: Series
    last: Moment


class Run:
    """One run of a plan.  Owns its crowd; all else is given."""

    def __init__(
        self, studio: Studio, door: Door, *, server: ServerProcess | None, stop: asyncio.Event, watch: Watch
    ) -> None:
        self._plan = studio.plan
        self._studio = studio
        self._door = door
        self._server = server
        self._stop = stop
        self._watch = watch
        self._crowd = Crowd(studio, door)
        self._began_at = time.time()
        self._peak = 0
        self._rows = _Rows(Series(time.monotonic()), self._moment())

    async def run(self) -> Measured:
        """To its end."""
        idle = self._moment()
        try:
            await self._ramp()
            if self._crowd.present:
                await self._pass("warm-up", self._plan.warm_up_s)
            return await self._measure(idle)
        finally:
            await self._crowd.leave()
            self._door.forget_rooms()

    # The parts.

    async def _ramp(self) -> None:
        began = time.monotonic()
        for at, chair in arrivals(self._plan):
            await self._pass("ramp", began + at - time.monotonic())
            if self._stop.is_set():
                return
            self._crowd.come(chair)
        while self._crowd.coming and not self._stop.is_set():
            await self._pass("ramp", TICK_S)

    async def _measure(self, idle: Moment) -> Measured:
        if self._stop.is_set() or not self._crowd.present:
            return self._measured(idle, None, None)
        self._studio.engines.reset()
        begin = end = self._rows.last = self._moment()
        parts: list[Measured] = []
        while len(parts) < self._plan.runs and not self._stop.is_set():
            last, end = end, await self._part()
            parts.append(self._measured(idle, last, end))
        return replace(self._measured(idle, begin, end), parts=tuple(parts))

    async def _part(self) -> Moment:
        """One measured part, up to its end."""
        await self._pass("measure", self._plan.duration_s, busy=True)
        end = self._moment()
        if end.at - self._rows.last.at > ROW_S / 2:
            self._row("measure", end)
        return end

    async def _pass(self, phase: Phase, seconds: float, *, busy: bool = False) -> None:
        """Let time go by, with a row a second; `busy`: others come, go and speak."""
        await asyncio.sleep(0)  # a ramp that is behind its schedule keeps nobody from joining
        end = time.monotonic() + seconds
        churn = Churn(self._plan.churn, self._studio.random, time.monotonic())
        while (left := end - time.monotonic()) > 0 and not self._stop.is_set():
            if busy:
                self._stir(churn)
            await self._doze(min(TICK_S, left))
            if time.monotonic() - self._rows.last.at >= ROW_S:
                self._row(phase, self._moment())

    async def _doze(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            return

    def _stir(self, churn: Churn) -> None:
        now = time.monotonic()
        for _ in range(churn.due(now)):
            chair = churn.choose(self._crowd.present)
            if chair is not None:
                self._crowd.come_anew(chair)
        self._crowd.speak(now)

    # What is counted.

    def _row(self, phase: Phase, now: Moment) -> None:
        self._watch(self._rows.series.add(phase, self._rows.last, now))
        self._rows.last = now

    def _moment(self) -> Moment:
        usage = self._server.usage() if self._server is not None else None
        if usage is not None:
            self._peak = max(self._peak, usage.rss)
        joins = self._crowd.joins
        return Moment(
            at=time.monotonic(),
            totals=self._studio.engines.totals(),
            server=usage,
            tester_cpu_s=time.process_time(),
            present=len(self._crowd.present),
            joined=joins.done,
            failed=joins.failed,
            told=self._studio.told.copy(),
        )

    def _measured(self, idle: Moment, begin: Moment | None, end: Moment | None) -> Measured:
        if begin is None or end is None:
            begin = end = self._moment()
        seconds, totals = end.at - begin.at, end.totals.since(begin.totals)
        cores = len(os.sched_getaffinity(0))
        return Measured(
            plan=self._plan,
            began_at=self._began_at,
            seconds=seconds,
            totals=totals,
            receivers=sum(chair.member.receives for chair in self._crowd.present),
            joins=self._crowd.joins,
            joined=end.joined - begin.joined,
            told=end.told.since(begin.told),
            told_before=begin.told,
            server=self._account(idle, begin, end, totals.packets_received),
            tester=OwnUsage(seconds, end.tester_cpu_s - begin.tester_cpu_s, cores, totals),
            rows=tuple(self._rows.series.rows),
            interrupted=self._stop.is_set(),
        )

    def _account(self, idle: Moment, begin: Moment, end: Moment, packets: int) -> dict[str, Any] | None:
        """CPU of the measured part; memory grows from before the first join."""
        if self._server is None or idle.server is None or begin.server is None or end.server is None:
            return None
        before = replace(begin.server, rss=idle.server.rss)
        seconds = end.at - begin.at
        return account(self._server.pid, before, end.server, self._peak, seconds=seconds, packets=packets)
