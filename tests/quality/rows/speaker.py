"""speaker: in a room of 200 another one begins to speak; how long until everybody has been told, and sees him.

stage (its node), crowd -> **speaker** -> row

Twelve of the 200 have a microphone on and take turns, from the last who came on; all have four seats.  Somebody sees a
speaker from the moment that his control link has named him in `speakers` and in one of his seats.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from agents.load.distribution import quantile
from tests.bench.effort import Bench, Unmeasured
from tests.bench.family import Family
from tests.bench.row import Row, at_most, told, whole
from tests.quality.crowd import Crowd, Guest, crowd
from tests.quality.idle import Idle
from tests.quality.stage import on_stage

PEOPLE, SPEAKERS, SEATS = 200, 12, 4
TURNS, TURNS_QUICK = 12, 4
TURN_S = 2.5
"""One's turn; the one before is silent meanwhile, and so is nobody's speaker any more when his next turn comes."""
PAUSE_S = 1.5
MOST_MS = 500.0


async def measure(bench: Bench) -> list[Row]:
    """All turns."""
    turns = TURNS_QUICK if bench.effort.quick else TURNS
    async with on_stage(bench) as stage, crowd(stage, video=False, say=bench.say) as people:
        room = await stage.room()
        speakers = [await people.join(room, sends=True, seats=SEATS) for _ in range(SPEAKERS)]
        for speaker in speakers:
            speaker.endpoint.speak(speaking=False)
        await asyncio.gather(*(people.join(room, sends=False, seats=SEATS) for _ in range(PEOPLE - SPEAKERS)))
        await asyncio.sleep(TURN_S)
        idle = Idle()
        found = [await _turn(people, speakers[-1 - number % SPEAKERS]) for number in range(turns)]
    heard, seen = [one for turn, _ in found for one in turn], [one for _, turn in found for one in turn]
    how = f"{turns} turns in a room of {PEOPLE} endpoints of the load engine, p50 {quantile(heard, 0.5):.0f} ms; {idle}"
    return [
        at_most("speaker.told", "until the last one is told who speaks now", max(heard), "ms", bar=MOST_MS, how=how),
        at_most("speaker.seated", "until the last one has him in a seat", max(seen), "ms", bar=MOST_MS),
        told("speaker.p50", "half of them are told within", quantile(heard, 0.5), "ms"),
    ]


async def _turn(people: Crowd, speaker: Guest) -> tuple[list[float], list[float]]:
    """One turn: milliseconds until each other one was told of it, and had him in a seat."""
    began = time.monotonic()
    speaker.endpoint.speak(speaking=True)
    await asyncio.sleep(TURN_S)
    speaker.endpoint.speak(speaking=False)
    await asyncio.sleep(PAUSE_S)
    others = [guest for guest in people.guests if guest is not speaker]
    told_at = [first_named(guest.events, speaker.user, began) for guest in others]
    if None in told_at:
        raise Unmeasured(f"{told_at.count(None)} of {len(others)} were never told that {speaker.user} speaks")
    seated = [first_seated(guest.events, speaker.user, began) for guest in others]
    missing = TURN_S + PAUSE_S
    return (
        [1_000 * (at - began) for at in told_at if at is not None],
        [1_000 * (at - began if at is not None else missing) for at in seated],
    )


Events = list[tuple[float, str, Any]]


def first_named(events: Events, user: str, began: float) -> float | None:
    """When, from then on, somebody was first told that `user` speaks."""
    for at, name, data in events:
        if at >= began and name == "speakers" and any(one["participant"] == user for one in data):
            return at
    return None


def first_seated(events: Events, user: str, began: float) -> float | None:
    """When, from then on, `user` first was in a seat: at once, if he was there already."""
    seats: dict[str, str | None] = {}
    for at, name, data in events:
        if name != "seats":
            continue
        if at >= began and user in seats.values():
            return began
        seats |= {seat: view["participant"] if view else None for seat, view in data.items()}
        if at >= began and user in seats.values():
            return at
    return began if user in seats.values() else None


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    parts = asyncio.run(measure(bench))
    yield from parts
    yield whole("speaker", "another speaker in a room of 200", parts)


FAMILY = Family("speaker", "another speaker in a room of 200", 1.0, rows)
