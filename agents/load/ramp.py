"""Who joins when, who leaves again, who speaks: rules that are given the time.

plan -> **ramp** -> tester
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from agents.load.doors import Chair
from agents.load.plan import LoadPlan


def arrivals(plan: LoadPlan) -> Iterator[tuple[float, Chair]]:
    """Seconds from the begin, and who comes then: first those who open a room, then the second of each, and so on."""
    members = plan.members
    for place in range(plan.total):
        number, room = divmod(place, plan.rooms)
        yield place / plan.ramp, Chair(room + 1, number + 1, members[number], place)


@dataclass(slots=True)
class Churn:
    """Who leaves and comes again: `rate` a second, never who opened a room."""

    rate: float
    random: Random
    began: float
    _done: int = 0

    def due(self, now: float) -> int:
        """How many have to leave now."""
        due = int((now - self.began) * self.rate) - self._done
        self._done += max(0, due)
        return max(0, due)

    def choose(self, chairs: list[Chair]) -> Chair | None:
        """One of those who are in."""
        free = [chair for chair in chairs if not chair.is_host]
        return self.random.choice(free) if free else None


@dataclass(slots=True)
class Floor:
    """Who speaks in one room: at most `speakers` at a time, each for a while, then somebody else."""

    speakers: int
    spurt_s: float
    random: Random
    _speaking: dict[int, float] = field(default_factory=dict)
    """Number in the room -> when he ends."""
    _silent: list[int] = field(default_factory=list)

    def came(self, number: int, now: float) -> bool:
        """A participant who sends is in; whether he speaks."""
        if len(self._speaking) < self.speakers:
            self._begin(number, now)
            return True
        self._silent.append(number)
        return False

    def left(self, number: int) -> None:
        """He is out; who is next begins at the next look."""
        self._speaking.pop(number, None)
        if number in self._silent:
            self._silent.remove(number)

    def changes(self, now: float) -> list[tuple[int, bool]]:
        """Who falls silent and who begins."""
        over = [number for number, end in self._speaking.items() if end <= now]
        waiting = self.random.sample(self._silent, len(self._silent))
        changes: list[tuple[int, bool]] = []
        for number in over[: len(waiting)]:
            del self._speaking[number]
            changes.append((number, False))
        for number in waiting[: max(0, self.speakers - len(self._speaking))]:
            self._silent.remove(number)
            self._begin(number, now)
            changes.append((number, True))
        self._silent += [number for number, speaking in changes if not speaking]
        return changes

    def _begin(self, number: int, now: float) -> None:
        self._speaking[number] = now + self.random.expovariate(1 / self.spurt_s)
