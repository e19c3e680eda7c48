"""Who is in: joins and leaves of a run, as tasks, and what became of them.

run -> **crowd** -> doors, ramp (who speaks)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from agents.errors import AgentError
from agents.load.doors import Audience, Chair, Door, Participant
from agents.load.endpoint import Studio
from agents.load.joining import Joins, JoinTimes
from agents.load.ramp import Floor

AT_ONCE: Final = 400
"""Joins and leaves under way; beyond, who comes next waits, and his clock does not run yet."""


@dataclass(frozen=True, slots=True)
class Present:
    """Somebody who is in."""

    chair: Chair
    participant: Participant


class Crowd:
    """All participants of a run.  Owns them."""

    def __init__(self, studio: Studio, door: Door) -> None:
        # Given to us.
        self._studio = studio
        self._door = door
        # Ours.
        self.joins = Joins()
        self._present: dict[int, Present] = {}
        self._audience = Audience()
        self._floors: dict[int, Floor] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)

    @property
    def present(self) -> list[Chair]:
        """Who is in."""
        return [each.chair for each in self._present.values()]

    @property
    def coming(self) -> int:
        """Joins and leaves under way."""
        return len(self._tasks)

    def come(self, chair: Chair) -> None:
        """Let one in."""
        self._spawn(self._come(chair))

    def come_anew(self, chair: Chair) -> None:
        """Let one leave and join again."""
        present = self._present.pop(chair.place, None)
        if present is not None:
            self._spawn(self._come_anew(present))

    def speak(self, now: float) -> None:
        """Let others speak where it is time."""
        by_number = {(each.chair.room, each.chair.number): each for each in self._present.values()}
        for room, floor in self._floors.items():
            for number, speaking in floor.changes(now):
                if (each := by_number.get((room, number))) is not None:
                    _voice(each.participant, speaking=speaking)

    async def settled(self) -> None:
        """Until all joins under way have come to an end."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def leave(self) -> None:
        """Everybody out, those who are on their way in as well; who opened a room first, for it ends with him."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        hosts = [each for each in self._present.values() if each.chair.is_host]
        guests = [each for each in self._present.values() if not each.chair.is_host]
        self._present.clear()
        for some in (hosts, guests):
            await asyncio.gather(*(self._dismiss(each) for each in some))

    async def _dismiss(self, present: Present) -> None:
        async with self._slots:
            await present.participant.dismiss()

    async def _come(self, chair: Chair) -> None:
        async with self._slots:
            times = JoinTimes(time.monotonic())
            try:
                participant = await self._door.join(self._studio, chair, times)
            except AgentError as error:
                self.joins.fail(str(error))
                return
            # Whoever is connected by now sends, or has the floor.
            hears = self._audience.can_hear(chair) and self._is_audible(chair)
            self._arrived(Present(chair, participant))
            await self._heard(chair, participant, times, hears=hears)

    async def _heard(self, chair: Chair, participant: Participant, times: JoinTimes, *, hears: bool) -> None:
        """A join is over when the first packet is there, if anything can be heard; without one it has failed."""
        try:
            if hears:
                await participant.endpoints[-1].heard()
        except AgentError as error:
            self.joins.fail(str(error))
            return
        self.joins.succeed(times, time.monotonic())

    def _is_audible(self, chair: Chair) -> bool:
        """Video is always sent; voices where somebody has the floor."""
        floor = self._floors.get(chair.room)
        return self._studio.plan.video or floor is None or floor.speakers > 0

    async def _come_anew(self, present: Present) -> None:
        await self._leave(present)
        await self._come(present.chair)

    async def _leave(self, present: Present) -> None:
        self._audience.left(present.chair)
        if (floor := self._floors.get(present.chair.room)) is not None:
            floor.left(present.chair.number)
        async with self._slots:
            await present.participant.leave()

    def _arrived(self, present: Present) -> None:
        chair, plan = present.chair, self._studio.plan
        self._present[chair.place] = present
        self._audience.came(chair)
        if plan.speakers is None or not (plan.audio and chair.member.sends):
            return
        floor = self._floors.setdefault(chair.room, Floor(plan.speakers, plan.spurt_s, self._studio.random))
        if not floor.came(chair.number, time.monotonic()):
            _voice(present.participant, speaking=False)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _voice(participant: Participant, *, speaking: bool) -> None:
    for endpoint in participant.endpoints:
        endpoint.speak(speaking=speaking)
