"""The report of a run: one JSON object, from which page, table and CSV are made.

run -> **report** -> cli (table, JSON), html, csv

Counts and delays are of the measured part; joins are of the whole run.  Keys are stable.
"""

from __future__ import annotations

import csv
import io
import os
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from agents.load.bottleneck import OwnUsage
from agents.load.distribution import Distribution
from agents.load.joining import Joins
from agents.load.plan import LoadPlan
from agents.load.require import Outcome, Requirement
from agents.load.sampling import COLUMNS
from agents.load.told import Told
from agents.load.totals import Totals


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What one run has found out."""

    plan: LoadPlan
    began_at: float
    """Epoch seconds."""
    seconds: float = 0.0
    """Of the measured part."""
    totals: Totals = field(default_factory=Totals)
    receivers: int = 0
    """Participants who received, at the end."""
    joins: Joins = field(default_factory=Joins)
    joined: int = 0
    """Joins in the measured part: by `--churn`."""
    told: Told = field(default_factory=Told)
    told_before: Told = field(default_factory=Told)
    """While everybody came."""
    server: dict[str, Any] | None = None
    tester: OwnUsage
    rows: Sequence[dict[str, Any]] = ()
    interrupted: bool = False
    parts: Sequence[Measured] = ()
    """Each of the plan's runs by itself."""

    def report(
        self, requirements: Iterable[Requirement] = (), capacity: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """All of it."""
        told = {
            "plan": self.plan.as_object(),
            "machine": machine(),
            "began": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.began_at)),
            "interrupted": self.interrupted,
            **self.figures(),
            "join_ms": self.joins.times(),
            "joins": self.joins.as_object() | {"told": self.told_before.as_object()},
            "runs": [part.figures() for part in self.parts],
            "seconds_series": list(self.rows),
        }
        outcomes = [requirement.judge(told) for requirement in requirements]
        return told | {"requirements": [_outcome(each) for each in outcomes], "capacity": capacity}

    def figures(self) -> dict[str, Any]:
        """What is counted from the begin of the measured part to its end."""
        return {
            "seconds": self.seconds,
            "sent": self._sent(),
            "received": self._received(),
            "delay_ms": _delay(self.totals.delay_us),
            "frame_delay_ms": _delay(self.totals.frame_delay_us),
            "freezes": self._freezes(),
            "repair": self._repair(),
            "told": self.told.as_object() | {"joins": self.joined},
            "server": self.server,
            "tester": self.tester.as_object(),
        }

    def _sent(self) -> dict[str, float]:
        totals = self.totals
        return {"packets": totals.packets_sent, "octets": totals.octets_sent} | self._rate(totals.packets_sent)

    def _received(self) -> dict[str, float]:
        totals = self.totals
        names = ("lost", "recovered", "duplicated", "out_of_order", "corrupt", "checked", "expected", "unmapped")
        counts = {name: getattr(totals, name) for name in names}
        loss = totals.lost / totals.expected if totals.expected else 0.0
        received = {"packets": totals.packets_received, "octets": totals.octets_received, "loss": loss}
        return received | counts | self._rate(totals.packets_received)

    def _rate(self, packets: int) -> dict[str, float]:
        return {"packets_per_s": packets / self.seconds if self.seconds > 0 else 0.0}

    def _freezes(self) -> dict[str, float]:
        """The share is of the time of all who received pictures."""
        frozen = self.totals.freeze_ns / 1e9
        watched = self.seconds * self.receivers
        return {"count": self.totals.freezes, "seconds": frozen, "share": frozen / watched if watched > 0 else 0.0}

    def _repair(self) -> dict[str, int]:
        names = (
            "nacks_sent",
            "nacks_received",
            "retransmitted",
            "keyframe_requests_sent",
            "keyframe_requests_received",
            "emulated_drops",
        )
        return {name: getattr(self.totals, name) for name in names}


def _delay(delay: Distribution) -> dict[str, float | None]:
    names = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "max": 1.0}
    told = {name: delay.quantile(share) / 1_000 if delay.samples else None for name, share in names.items()}
    return told | {"samples": delay.samples}


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {"text": outcome.text, "value": outcome.value, "holds": outcome.holds}


def machine() -> dict[str, Any]:
    """Where it was measured."""
    return {
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "tertulia": _version(),
        "load_average": list(os.getloadavg()),
    }


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _version() -> str:
    try:
        return version("tertulia")
    except PackageNotFoundError:
        return "unknown"


def as_csv(rows: Iterable[dict[str, Any]]) -> str:
    """A line a second, with a header."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(row.get(name)) for name in COLUMNS} for row in rows)
    return out.getvalue()


def _plain(value: object) -> object:
    return f"{value:.6g}" if isinstance(value, float) else value
