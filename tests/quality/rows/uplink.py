"""uplink: the publisher's link falls to 300 kbit/s; the lowest layer stays fluent.

stage -> **uplink** -> row
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.row import Row, at_least, at_most, whole
from tests.quality.beside import beside
from tests.quality.footage import FRAMES_PER_S
from tests.quality.idle import Idle
from tests.quality.seen import Shown
from tests.quality.stage import START_S, Client, on_stage, wall_ms
from tests.support.network.impairment import Impairment, steady
from tests.support.network.profiles import both_ways

LINK = both_ways("uplink", Impairment(delay_ms=20, rate=steady(3_000), queue_ms=300), "The bar of this name.")
NARROW = LINK.with_up(300.0)
SETTLE_S = 5.0
"""Before the fall, and after it: but pauses count from the fall itself on."""
FLUENT = 0.8 * FRAMES_PER_S
MOST_PAUSE_MS = 500.0


@dataclass(frozen=True, slots=True)
class Fallen:
    """What was shown after the fall, and how idle the machine was."""

    fell_ms: float
    ended_ms: float
    shown: Shown
    idle: Idle

    @property
    def per_s(self) -> float:
        """Pictures a second, once rates have settled."""
        return self.shown.per_s(self.fell_ms + SETTLE_S * 1_000, self.ended_ms)

    @property
    def pause_ms(self) -> float:
        """The longest between two of them."""
        return self.shown.longest_pause_ms(self.fell_ms, self.ended_ms)

    @property
    def lines(self) -> float:
        """Of the picture, once rates have settled."""
        return self.shown.within(self.fell_ms + SETTLE_S * 1_000, self.ended_ms).lines

    def __str__(self) -> str:
        return f"{self.lines:g} lines, {self.idle}"


async def _watched(receiver: Client, fell_ms: float, seconds: float) -> Fallen:
    idle = Idle()
    await asyncio.sleep(SETTLE_S + seconds)
    ended = wall_ms()
    return Fallen(fell_ms, ended, (await receiver.shown(fell_ms)).within(fell_ms, ended), idle.ended())


async def measure(bench: Bench) -> list[Row]:
    """Ours, then the direct call's."""
    async with on_stage(bench) as stage:
        room, link = await stage.room(), stage.relay(LINK)
        await stage.publisher(room, link)
        receiver = await stage.receiver(room)
        await receiver.shows(1, START_S)
        await asyncio.sleep(SETTLE_S)
        fell = wall_ms()
        link.become(NARROW)
        ours = await _watched(receiver, fell, bench.effort.seconds)
    theirs, how = await beside(_direct(bench))
    return [
        at_least(
            "uplink.fluent",
            "pictures shown while the publisher's uplink has 300 kbit/s",
            ours.per_s,
            "/s",
            bar=FLUENT,
            peer=theirs.per_s if theirs else None,
            how=f"of {FRAMES_PER_S}/s: {ours}; {how}",
        ),
        at_most(
            "uplink.pause",
            "longest pause between them, the fall included",
            ours.pause_ms,
            "ms",
            bar=MOST_PAUSE_MS,
            peer=theirs.pause_ms if theirs else None,
        ),
    ]


async def _direct(bench: Bench) -> Fallen:
    async with on_stage(bench) as stage:
        with stage.crossed(LINK, LINK) as sides:
            _, callee = await stage.direct(sides)
            await callee.shows(1, START_S)
            await asyncio.sleep(SETTLE_S)
            fell = wall_ms()
            sides[0].become(NARROW)
            return await _watched(callee, fell, bench.effort.seconds)


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    parts = asyncio.run(measure(bench))
    yield from parts
    yield whole("uplink", "a publisher whose uplink falls to 300 kbit/s", parts)


FAMILY = Family("uplink", "the publisher's uplink falls to 300 kbit/s", 2.0, rows)
