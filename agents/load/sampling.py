"""A row a second: what live view, CSV and plots show.

engines, server, crowd -> **sampling** -> live, report
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal

from agents.load.server import Usage
from agents.load.told import Told
from agents.load.totals import Totals

Phase = Literal["ramp", "warm-up", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything that is counted, at one time.  Seconds on the monotonic clock."""

    at: float
    totals: Totals
    server: Usage | None
    tester_cpu_s: float
    present: int
    joined: int
    failed: int
    told: Told = field(default_factory=Told)


COLUMNS: Final = (
    "t",
    "phase",
    "participants",
    "joins",
    "failed_joins",
    "sent",
    "received",
    "mbit_received",
    "lost",
    "loss",
    "delay_p50_ms",
    "delay_p90_ms",
    "delay_p99_ms",
    "late_p99_ms",
    "freezes",
    "tester_cpu_share",
    "server_cpu_share",
    "server_rss",
)
"""Of the CSV; sent and received are packets a second."""


@dataclass(slots=True)
class Series:
    """The rows so far."""

    began: float
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, phase: Phase, before: Moment, now: Moment) -> dict[str, Any]:
        """One more: what happened between two moments."""
        row = _row(phase, self.began, before, now)
        self.rows.append(row)
        return row


def _row(phase: Phase, began: float, before: Moment, now: Moment) -> dict[str, Any]:
    seconds = max(1e-6, now.at - before.at)
    grown = now.totals.since(before.totals)
    return {
        "t": round(now.at - began, 3),
        "phase": phase,
        "participants": now.present,
        "joins": now.joined - before.joined,
        "failed_joins": now.failed - before.failed,
        "sent": grown.packets_sent / seconds,
        "received": grown.packets_received / seconds,
        "mbit_received": grown.octets_received * 8 / seconds / 1e6,
        "lost": grown.lost,
        "loss": grown.lost / grown.expected if grown.expected else 0.0,
        "delay_p50_ms": grown.delay_us.quantile(0.50) / 1_000,
        "delay_p90_ms": grown.delay_us.quantile(0.90) / 1_000,
        "delay_p99_ms": grown.delay_us.quantile(0.99) / 1_000,
        "late_p99_ms": grown.late_us.quantile(0.99) / 1_000,
        "freezes": grown.freezes,
        "tester_cpu_share": (now.tester_cpu_s - before.tester_cpu_s) / seconds,
        **_server(before.server, now.server, seconds),
    }


def _server(before: Usage | None, now: Usage | None, seconds: float) -> dict[str, float | None]:
    if before is None or now is None:
        return {"server_cpu_share": None, "server_rss": None}
    return {"server_cpu_share": (now.cpu_s - before.cpu_s) / seconds, "server_rss": now.rss}
