"""How much a run may cost, and what all rows share: cores, a directory, somewhere to tell how it goes.

command -> **effort** -> rows/*
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]


class Unmeasured(Exception):
    """A row cannot be measured; the text says why."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Every figure is the median of so many measurements of so many seconds."""

    runs: int
    seconds: float
    quick: bool = False

    def __str__(self) -> str:
        return f"median of {self.runs} x {self.seconds:g} s" if self.runs > 1 else f"one run of {self.seconds:g} s"

    def longest(self, seconds: float) -> float:
        """A time that a measurement wants, cut short in a quick run."""
        return min(seconds, self.seconds) if self.quick else seconds


FULL = Effort(runs=5, seconds=15.0)
QUICK = Effort(runs=1, seconds=5.0, quick=True)


@dataclass(frozen=True, slots=True)
class Cores:
    """What is measured has a core of its own; whoever measures it has another."""

    server: int
    tester: int

    @classmethod
    def of_this_machine(cls) -> Cores:
        """The first two that this process may use."""
        cores = sorted(os.sched_getaffinity(0))
        return cls(cores[0], cores[-1])


@dataclass(slots=True)
class Bench:
    """What a row gets to work with."""

    effort: Effort
    cores: Cores
    directory: Path
    """For what servers write; thrown away in the end."""
    say: Callable[[str], None]
    """Tells whoever waits how it goes."""
    found: dict[str, object] = field(default_factory=dict)
    """What one family has found out and another one goes on from."""


def median(values: Iterable[float]) -> float:
    """The median, of at least one value."""
    return statistics.median(values)
