"""When the figures are the tester's own and not the server's."""

from __future__ import annotations

from typing import Any

import pytest

from agents.load.bottleneck import OwnUsage
from agents.load.distribution import Distribution
from agents.load.totals import Totals

EASY: dict[str, Any] = {
    "packets_sent": 10_000,
    "packets_received": 100_000,
    "threads_cpu_ns": (5_000_000_000,),
    "late_us": Distribution(((500.0, 990), (19_000.0, 10))),
}


def usage(cpu_s: float = 6.0, **changes: Any) -> OwnUsage:  # noqa: ANN401
    return OwnUsage(seconds=10.0, cpu_s=cpu_s, cores=1, totals=Totals(**(EASY | changes)))


def test_a_tester_with_reserve_is_no_bottleneck() -> None:
    told = usage().as_object()
    assert (told["bottleneck"], told["why"]) == (False, [])
    assert told["cpu_share"] == 0.6
    assert told["late_ms"] == {"p50": 0.5, "p99": 0.5, "max": 19.0}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"threads_cpu_ns": (1, 9_100_000_000)}, "engine thread 2 was busy 91%"),
        ({"cpu_s": 9.6}, "used 96% of its 1 core"),
        ({"late_us": Distribution(((500.0, 980), (21_000.0, 20)))}, "media left late: p99 21.0 ms"),
        ({"socket_drops": 11}, "the kernel dropped 11 packets"),
        ({"send_dropped": 2}, "2 packets did not leave the tester"),
    ],
)
def test_each_sign_of_a_bottleneck_is_told(changes: dict[str, Any], why: str) -> None:
    told = usage(**changes).as_object()
    assert told["bottleneck"]
    (only,) = told["why"]
    assert why in only


@pytest.mark.parametrize("changes", [{"socket_drops": 10}, {"send_dropped": 1}, {"threads_cpu_ns": (9_000_000_000,)}])
def test_a_trace_of_them_is_none(changes: dict[str, Any]) -> None:
    assert usage(**changes).reasons() == []


def test_a_run_that_measured_nothing_says_nothing() -> None:
    assert OwnUsage(0.0, 0.0, 2, Totals()).reasons() == []
