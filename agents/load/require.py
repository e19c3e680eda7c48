"""`--require 'loss<0.5%'`: a condition on one figure of the report, which the exit status tells of.

cli -> **require** -> report -> exit status, capacity

A condition is a name, a comparison and a number with its unit.  A figure that was not measured holds no condition.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agents.errors import ConfigError

COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
}
CONDITION = re.compile(r"\s*([a-z_0-9.]+)\s*(<=|>=|<|>|=)\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z%µ]*)\s*")

Units = Mapping[str, float]
SHARE: Final[Units] = {"%": 0.01, "": 1.0}
MILLISECONDS: Final[Units] = {"ms": 1.0, "s": 1000.0, "us": 0.001, "µs": 0.001, "": 1.0}
MICROSECONDS: Final[Units] = {"us": 1.0, "µs": 1.0, "ms": 1000.0, "s": 1_000_000.0, "": 1.0}
SECONDS: Final[Units] = {"s": 1.0, "ms": 0.001, "": 1.0}
OCTETS: Final[Units] = {"": 1.0, "B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9}
COUNT: Final[Units] = {"": 1.0}


@dataclass(frozen=True, slots=True)
class Figure:
    """Where a named figure stands in the report, and the units that it may be compared in."""

    path: tuple[str, ...]
    units: Units


def _figures() -> dict[str, Figure]:
    found = {
        "loss": Figure(("received", "loss"), SHARE),
        "freezes.share": Figure(("freezes", "share"), SHARE),
        "freezes": Figure(("freezes", "count"), COUNT),
        "freezes.seconds": Figure(("freezes", "seconds"), SECONDS),
        "failed": Figure(("joins", "failed"), COUNT),
        "joins.done": Figure(("joins", "done"), COUNT),
        "joins.per_s": Figure(("joins", "per_s"), COUNT),
        "sent.packets_per_s": Figure(("sent", "packets_per_s"), COUNT),
        "received.packets_per_s": Figure(("received", "packets_per_s"), COUNT),
        "server.us_per_packet": Figure(("server", "us_per_packet"), MICROSECONDS),
        "server.cpu_share": Figure(("server", "cpu_share"), SHARE),
        "server.rss_peak": Figure(("server", "rss_peak"), OCTETS),
        "tester.cpu_share": Figure(("tester", "cpu_share"), SHARE),
        "tester.socket_drops": Figure(("tester", "socket_drops"), COUNT),
    }
    counts = ("lost", "recovered", "duplicated", "out_of_order", "corrupt", "checked")
    found |= {name: Figure(("received", name), COUNT) for name in counts}
    found |= {f"delay.{q}": Figure(("delay_ms", q), MILLISECONDS) for q in ("p50", "p90", "p99", "max")}
    found |= {f"frame_delay.{q}": Figure(("frame_delay_ms", q), MILLISECONDS) for q in ("p50", "p90", "p99", "max")}
    found |= {f"tester.late_{q}": Figure(("tester", "late_ms", q), MILLISECONDS) for q in ("p50", "p99", "max")}
    found |= {f"join.{q}": Figure(("join_ms", "total", q), MILLISECONDS) for q in JOIN_QUANTILES}
    return found


JOIN_QUANTILES: Final = ("p50", "p95", "p99", "max")
FIGURES: Final[Mapping[str, Figure]] = _figures()
PHASE = re.compile(r"join\.([a-z_]+)\.(p50|p95|p99|max)")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a condition."""

    text: str
    value: float | None
    """In the report's unit; None: it was not measured."""
    holds: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition."""

    text: str
    figure: Figure
    comparison: str
    bound: float
    """In the report's unit."""

    def judge(self, report: Mapping[str, Any]) -> Outcome:
        """Whether the report holds it."""
        value = _at(report, self.figure.path)
        holds = value is not None and COMPARISONS[self.comparison](value, self.bound)
        return Outcome(self.text, value, holds)

    @property
    def needs_server(self) -> bool:
        """It is about the server's process."""
        return self.figure.path[0] == "server"


def parse(text: str) -> Requirement:
    """A condition of its text; ConfigError says what is wrong with it."""
    match = CONDITION.fullmatch(text)
    if match is None:
        raise ConfigError(f"--require {text!r}: not of the form NAME<NUMBER, as in 'loss<0.5%' or 'delay.p99<=30ms'")
    name, comparison, number, unit = match.groups()
    figure = _figure(text, name)
    if unit not in figure.units:
        known = ", ".join(known or "none" for known in figure.units)
        raise ConfigError(f"--require {text!r}: {name} has no unit {unit!r}, but {known}")
    return Requirement(text.strip(), figure, comparison, float(number) * figure.units[unit])


def _figure(text: str, name: str) -> Figure:
    phase = PHASE.fullmatch(name)
    if phase is not None:
        return Figure(("join_ms", "phases", *phase.groups()), MILLISECONDS)
    if name not in FIGURES:
        raise ConfigError(f"--require {text!r}: no figure is called {name!r}; there are {', '.join(sorted(FIGURES))}")
    return FIGURES[name]


def _at(report: Mapping[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = report
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return float(value) if isinstance(value, int | float) else None
