"""How long one join took, phase by phase, and all joins of a run together.

doors, endpoint -> **joining** -> report

A phase lasts from the end of the one before it to its own end, so that the phases of a join add up to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from agents.load.distribution import quantile

PHASES: Final = (
    "connect",
    "create_room",
    "ring",
    "accept",
    "node",
    "answer",
    "ice",
    "dtls",
    "first_packet",
    "offer_to_first_packet",
)
"""In the order of a join; the last one spans the four before it."""
MEDIA: Final = "offer_to_first_packet"


@dataclass(slots=True)
class JoinTimes:
    """One join, in seconds on the monotonic clock.

    A time that is earlier than the last one (an event that crossed another) counts as that.
    """

    began: float
    phases: dict[str, float] = field(default_factory=dict)
    _last: float = field(init=False)
    _offered: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._last = self.began

    def restart(self, now: float) -> None:
        """It begins only now: until here it waited for somebody else."""
        self.began = self._last = now

    def done(self, phase: str, now: float) -> None:
        """A phase is over; one that comes again (two connections of one participant) adds to itself."""
        self.phases[phase] = self.phases.get(phase, 0.0) + max(0.0, now - self._last)
        self._last = max(now, self._last)

    def offered(self, now: float) -> None:
        """The offer goes out now."""
        self._offered = now

    def first_packet(self, now: float) -> None:
        """The first media packet has come."""
        self.done("first_packet", now)
        if self._offered is not None:
            self.phases[MEDIA] = self._last - self._offered

    @property
    def total(self) -> float:
        """From its begin to the end of its last phase."""
        return self._last - self.began


@dataclass(slots=True)
class Joins:
    """All joins of a run."""

    done: int = 0
    failed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    _totals: list[float] = field(default_factory=list)
    _phases: dict[str, list[float]] = field(default_factory=dict)
    _first: float | None = None
    _last: float = 0.0

    def succeed(self, times: JoinTimes, now: float) -> None:
        """One more is in."""
        self.done += 1
        self._first = min(self._first, times.began) if self._first is not None else times.began
        self._last = max(self._last, now)
        self._totals.append(times.total)
        for phase, seconds in times.phases.items():
            self._phases.setdefault(phase, []).append(seconds)

    def fail(self, why: str) -> None:
        """One could not join."""
        self.failed += 1
        self.errors[why] += 1

    @property
    def per_s(self) -> float:
        """Joins a second from the begin of the first to the end of the last."""
        seconds = self._last - self._first if self._first is not None else 0.0
        return self.done / seconds if seconds > 0 else 0.0

    def as_object(self) -> dict[str, Any]:
        """How many."""
        return {
            "done": self.done,
            "failed": self.failed,
            "per_s": self.per_s,
            "errors": dict(self.errors.most_common()),
        }

    def times(self) -> dict[str, Any]:
        """How long, in ms."""
        phases: Mapping[str, list[float]] = {name: self._phases[name] for name in PHASES if name in self._phases}
        return {"total": _summary(self._totals), "phases": {name: _summary(values) for name, values in phases.items()}}


def _summary(seconds: list[float]) -> dict[str, float]:
    times = {"p50": 0.50, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {"count": len(seconds)} | {name: quantile(seconds, share) * 1_000 for name, share in times.items()}
