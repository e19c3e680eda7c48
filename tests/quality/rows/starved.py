"""starved: one of 20 receivers has 100 kbit/s; it gets sound and small pictures, and nobody else notices.

stage, crowd -> **starved** -> row

Two of the 20 are browsers, the starved one and one that is watched beside it; 18 are endpoints of the load engine,
which two cores carry where they would not carry 20 browsers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.row import Row, at_least, at_most, told, whole
from tests.quality.crowd import Crowd, crowd
from tests.quality.stage import START_S, Stage, on_stage
from tests.quality.window import Watching, Window
from tests.support.network.impairment import Impairment, steady
from tests.support.network.profiles import both_ways

OTHERS = 18
LINK = both_ways("starved", Impairment(delay_ms=20, rate=steady(3_000), queue_ms=300), "The bar of this name.")
STARVED = LINK.with_down(100.0)
SETTLE_S = 10.0
MOST_CONCEALMENT = 5.0
THUMBNAILS_PER_S = 5.0
"""Pictures that still move."""
OTHER_SHOWN, OTHER_PAUSE_MS = 98.0, 300.0


async def measure(bench: Bench) -> list[Row]:
    """All parts."""
    async with on_stage(bench) as stage, crowd(stage, say=bench.say) as people:
        starved, other, waited = await _watched(stage, people, bench.effort.seconds)
        totals = people.totals()
    browsers = f"20 receivers: 2 browsers and {OTHERS} endpoints of the load engine"
    return [
        at_most(
            "starved.sound",
            "sound that was made up, of the one with 100 kbit/s",
            starved.concealment,
            "%",
            bar=MOST_CONCEALMENT,
            how=f"{starved}; {browsers}",
        ),
        at_least("starved.pictures", "pictures shown to that one", starved.per_s, "/s", bar=THUMBNAILS_PER_S),
        told("starved.lines", "lines of its picture", starved.shown.lines, ""),
        told("starved.queue", "mean wait in the queue of its link", waited, "ms"),
        at_least(
            "starved.other.shown",
            "pictures shown to another browser",
            other.share_shown,
            "%",
            bar=OTHER_SHOWN,
            how=str(other),
        ),
        at_most(
            "starved.other.pause",
            "longest pause of that other browser",
            other.longest_pause_ms,
            "ms",
            bar=OTHER_PAUSE_MS,
        ),
        at_most("starved.others.lost", f"packets lost by {OTHERS} others", totals.lost, "", bar=0),
        at_most("starved.others.freezes", f"freezes of {OTHERS} others", totals.freezes, "", bar=0),
    ]


async def _watched(stage: Stage, people: Crowd, seconds: float) -> tuple[Window, Window, float]:
    room, link = await stage.room(), stage.relay(LINK)
    publisher = await stage.publisher(room)
    starved, other = await stage.receiver(room, link), await stage.receiver(room)
    await asyncio.gather(*(people.join(room, sends=False, seats=1) for _ in range(OTHERS)))
    for one in (starved, other):
        await one.shows(1, START_S)
    link.become(STARVED)
    await asyncio.sleep(SETTLE_S)
    people.reset()
    before = link.access.down.passed.copy()
    windows = [await Watching.since(publisher, one) for one in (starved, other)]
    await asyncio.sleep(seconds)
    first, second = [await window.closed() for window in windows]
    return first, second, link.access.down.passed.since(before).mean_wait_ms


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    parts = asyncio.run(measure(bench))
    yield from parts
    yield whole("starved", "one of 20 receivers at 100 kbit/s", parts)


FAMILY = Family("starved", "one of 20 receivers at 100 kbit/s", 1.5, rows)
