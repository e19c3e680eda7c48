"""rate_step: a receiver's link falls from 3 Mbit/s to 400 kbit/s and recovers, while another receiver has plenty.

stage -> **rate_step** -> row

The direct call goes through the same steps: its publisher can only encode less.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.row import Row, at_least, at_most, told, whole
from tests.quality.beside import beside
from tests.quality.footage import TOP_LINES
from tests.quality.idle import Idle
from tests.quality.seen import Shown
from tests.quality.stage import START_S, Client, Stage, on_stage, wall_ms
from tests.quality.window import Watching
from tests.support.network.impairment import Impairment, steady
from tests.support.network.profiles import Profile, both_ways

WIDE_KBPS, NARROW_KBPS = 3_000.0, 400.0
LINK = both_ways("step", Impairment(delay_ms=20, rate=steady(WIDE_KBPS), queue_ms=300), "The bar of this name.")
NARROW: Profile = LINK.with_down(NARROW_KBPS)
NARROW_S, WIDE_S = 10.0, 12.0

DOWN_WITHIN_S = 2.0
MOST_FREEZE_MS = 500.0
UP_WITHIN_S = 8.0
OTHER_PAUSE_MS = 300.0
OTHER_SHOWN = 98.0


@dataclass(frozen=True, slots=True)
class Steps:
    """When the link fell and recovered, and the measurement ended; what was shown, and how idle the machine was."""

    fell_ms: float
    rose_ms: float
    ended_ms: float
    shown: Shown
    idle: Idle

    @property
    def down_s(self) -> float:
        """Until a smaller picture was shown; the whole time if none was."""
        at = self.shown.first_ms(self.fell_ms, below=TOP_LINES)
        return ((at if at is not None and at < self.rose_ms else self.rose_ms) - self.fell_ms) / 1_000

    @property
    def up_s(self) -> float:
        """Until the large picture was back; the whole time if it never was."""
        at = self.shown.first_ms(self.rose_ms, from_lines=TOP_LINES)
        return ((at if at is not None else self.ended_ms) - self.rose_ms) / 1_000

    @property
    def freeze_ms(self) -> float:
        """The longest pause between pictures."""
        return self.shown.longest_pause_ms(self.fell_ms, self.ended_ms)

    def __str__(self) -> str:
        def lines(begin_ms: float, end_ms: float) -> str:
            part = self.shown.within(begin_ms, end_ms)
            return f"{part.lines:g} lines at {part.per_s(begin_ms, end_ms):.0f}/s"

        narrow, wide = lines(self.fell_ms + 3_000, self.rose_ms), lines(self.rose_ms, self.ended_ms)
        return f"{narrow} while narrow, {wide} after, {self.idle}"


async def stepped(client: Client, become: Callable[[Profile], None]) -> Steps:
    """Down and up again."""
    fell, idle = wall_ms(), Idle()
    become(NARROW)
    await asyncio.sleep(NARROW_S)
    rose = wall_ms()
    become(LINK)
    await asyncio.sleep(WIDE_S)
    ended = wall_ms()
    return Steps(fell, rose, ended, (await client.shown(fell)).within(fell, ended), idle.ended())


async def measure(bench: Bench) -> list[Row]:
    """Ours, then the direct call's."""
    async with on_stage(bench) as stage:
        rows, ours = await _ours(stage)
    theirs, how = await beside(_direct(bench))
    down = at_most(
        "rate_step.down",
        "until a lower layer is shown, 3 Mbit/s → 400 kbit/s",
        ours.down_s,
        "s",
        bar=DOWN_WITHIN_S,
        how=f"{ours}; {how}",
    )
    freeze = at_most(
        "rate_step.freeze",
        "longest pause between pictures, both steps",
        ours.freeze_ms,
        "ms",
        bar=MOST_FREEZE_MS,
        peer=theirs.freeze_ms if theirs else None,
    )
    up = at_most("rate_step.up", "until the top layer is back, 400 kbit/s → 3 Mbit/s", ours.up_s, "s", bar=UP_WITHIN_S)
    return [down, freeze, up, *rows]


async def _direct(bench: Bench) -> Steps:
    async with on_stage(bench) as stage:
        with stage.crossed(LINK, LINK) as sides:
            _, callee = await stage.direct(sides)
            await callee.shows(TOP_LINES, START_S)
            return await stepped(callee, sides[1].become)


async def _ours(stage: Stage) -> tuple[list[Row], Steps]:
    room, link = await stage.room(), stage.relay(LINK)
    publisher = await stage.publisher(room)
    receiver, other = await stage.receiver(room, link), await stage.receiver(room)
    for one in (receiver, other):
        await one.shows(TOP_LINES, START_S)
    watching = await Watching.since(publisher, other)
    before = link.access.down.passed.copy()
    steps = await stepped(receiver, link.become)
    waited = link.access.down.passed.since(before).mean_wait_ms
    window = await watching.closed()
    return [
        at_most(
            "rate_step.other.pause",
            "longest pause of a receiver whose link stays as it is",
            window.longest_pause_ms,
            "ms",
            bar=OTHER_PAUSE_MS,
            how=str(window),
        ),
        at_least("rate_step.other.shown", "pictures shown to that one", window.share_shown, "%", bar=OTHER_SHOWN),
        told("rate_step.queue", "mean wait in the queue of the link that changes, meanwhile", waited, "ms"),
    ], steps


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    parts = asyncio.run(measure(bench))
    yield from parts
    yield whole("rate_step", "a receiver whose link falls to 400 kbit/s and recovers", parts)


FAMILY = Family("rate_step", "3 Mbit/s → 400 kbit/s → 3 Mbit/s at one receiver", 2.0, rows)
