"""late_joiner: how soon somebody who comes later sees the first picture, and what many of them cost the publisher.

stage, crowd -> **late_joiner** -> row

1. One browser joins again and again, and waits for its first picture.  The bar is for the time from the node's answer;
   from the click on, which the browser's own work on its offer is in, it is told as well.
2. Twenty endpoints of the load engine join at once: how many keyframes is the publisher asked for meanwhile?
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from agents.load.distribution import quantile
from sfu._core import Core
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.row import Row, at_most, told, whole
from tests.quality.crowd import crowd
from tests.quality.idle import Idle
from tests.quality.stage import START_S, Client, Stage, on_stage

JOINS, JOINS_QUICK = 40, 20
MOST_MS = 250.0
PAUSE_S = 0.4
"""Out of step with the publisher's keyframes."""
AT_ONCE = 20
BURST_S = 5.0
LOOK_S = 0.1
REQUESTS_PER_S = 1.0


@dataclass(frozen=True, slots=True)
class First:
    """One join's first picture, in milliseconds."""

    from_answer: float
    from_click: float


async def measure(bench: Bench) -> list[Row]:
    """Both."""
    joins = JOINS_QUICK if bench.effort.quick else JOINS
    async with on_stage(bench) as stage:
        room = await stage.room()
        await stage.publisher(room)
        client = await stage.client()
        await _first(stage, client, room)  # a warm browser
        idle = Idle()
        firsts = [await _first(stage, client, room) for _ in range(joins)]
        idle.ended()
        async with crowd(stage, say=bench.say) as people:
            looking = asyncio.create_task(_requests(stage.core, BURST_S))
            await asyncio.gather(*(people.join(room, sends=False, seats=1) for _ in range(AT_ONCE)))
            requests = await looking
    answers, clicks = [one.from_answer for one in firsts], [one.from_click for one in firsts]
    how = f"{joins} joins one after the other, p50 {quantile(answers, 0.5):.0f} ms; {idle}"
    return [
        at_most(
            "late_joiner.p95",
            "first picture in Chromium, from the node's answer, p95",
            quantile(answers, 0.95),
            "ms",
            bar=MOST_MS,
            how=how,
        ),
        told("late_joiner.click.p95", "the same from the click on joining", quantile(clicks, 0.95), "ms"),
        at_most(
            "late_joiner.requests",
            f"keyframes asked for in a second of any layer, while {AT_ONCE} join at once",
            most_in_a_second(requests),
            "/s",
            bar=REQUESTS_PER_S,
        ),
    ]


async def _first(stage: Stage, client: Client, room: str) -> First:
    joined = await stage.enter(client, room)
    async with asyncio.timeout(START_S):
        at = await client.first_ms()
    await client.leave()
    await asyncio.sleep(PAUSE_S)
    return First(at - joined.answered_ms, at - joined.asked_ms)


Look = tuple[float, dict[tuple[int, str, int], int]]
"""When (seconds), and the keyframes asked for so far of each layer."""


async def _requests(core: Core, seconds: float) -> list[Look]:
    loop = asyncio.get_running_loop()
    begin, looks = loop.time(), list[Look]()
    while loop.time() - begin < seconds:
        at, stats = loop.time(), await asyncio.to_thread(core.stats)
        counts = {
            (peer.peer, track.mid, number): layer.keyframe_requests
            for peer in stats
            for track in peer.tracks
            for number, layer in enumerate(track.layers)
        }
        looks.append((at, counts))
        await asyncio.sleep(LOOK_S)
    return looks


def most_in_a_second(looks: list[Look]) -> int:
    """The most that were asked for of one layer between two looks that are at most a second apart."""
    return max(
        (
            count - earlier.get(layer, 0)
            for number, (begin, earlier) in enumerate(looks)
            for at, later in looks[number:]
            if at - begin <= 1.0
            for layer, count in later.items()
        ),
        default=0,
    )


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    parts = asyncio.run(measure(bench))
    yield from parts
    yield whole("late_joiner", "somebody who comes later, and what that costs the publisher", parts)


FAMILY = Family("late_joiner", "the first picture of who comes later", 1.5, rows)
