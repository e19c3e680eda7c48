"""What a report of the load tester says of a load: whether it counts, and its medians."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.bench.effort import Unmeasured
from tests.bench.load import Measured, Run, Shape

SHAPE = Shape(rooms=2, publishers=1, receivers=4)


def run(loss: float = 0.0, us: float = 2.0, why: tuple[str, ...] = (), still: float = 0.0) -> Run:
    return Run(
        {
            "server": {"us_per_packet": us, "cpu_share": 0.5},
            "received": {"packets": 100, "octets": 5_000, "packets_per_s": 50.0, "loss": loss},
            "delay_ms": {"p50": 0.1, "p99": None},
            "freezes": {"count": 0, "seconds": 0.0, "share": still},
            "tester": {"cpu_share": 0.3, "bottleneck": bool(why), "why": list(why)},
        }
    )


def measured(*runs: Run, done: int = 10, failed: int = 0, shape: Shape = SHAPE) -> Measured:
    joins: dict[str, Any] = {"done": done, "failed": failed, "errors": {"no DTLS": failed} if failed else {}}
    return Measured(shape, {"joins": joins}, runs)


def test_figures_are_medians_of_the_parts() -> None:
    load = measured(run(us=1.0), run(us=9.0), run(us=2.0))
    assert load.median(lambda one: one.us) == 2.0
    assert run().octets == 50.0


def test_a_load_holds_if_nothing_is_wrong_with_it() -> None:
    assert measured(run()).held
    assert measured(run(loss=0.001, still=0.005)).held
    assert str(measured(run())) == "2 rooms of 5: 50 packets/s, server 50% busy, 0.00% lost, tester 30% busy"


@pytest.mark.parametrize(
    ("load", "trouble"),
    [
        (measured(run(loss=0.0011)), "0.11% lost"),
        (measured(run(still=0.02)), "pictures stood still for 2.0% of the time"),
        (measured(run(), done=8, failed=2), "8 of 10 could join: no DTLS"),
        (measured(run(), done=9), "9 of 10 could join: no error told"),
        (measured(run(why=("sent late",))), "the tester was the bottleneck: sent late"),
    ],
)
def test_a_load_that_does_not_count_says_why(load: Measured, trouble: str) -> None:
    assert not load.held
    assert load.trouble == trouble


def test_as_many_as_have_to_get_in_are_enough_and_how_many_did_is_said() -> None:
    most = replace(SHAPE, get_in=0.9)
    assert measured(run(), done=9, failed=1, shape=most).held
    assert "2 rooms of 5 (9 got in): " in str(measured(run(), done=9, failed=1, shape=most))
    assert not measured(run(), done=8, failed=2, shape=most).held


def test_the_tester_is_the_bottleneck_if_it_was_in_most_parts() -> None:
    slow, fine = run(why=("sent late",)), run()
    assert measured(slow, fine, fine).held
    assert not measured(slow, slow, fine).held


def test_a_figure_that_is_not_there_is_named() -> None:
    with pytest.raises(Unmeasured, match=r"delay_ms\.p99"):
        measured(run()).median(lambda one: one.p99)


def test_a_shape_is_what_the_tester_is_asked_for() -> None:
    assert SHAPE.participants == 10
    flags = " ".join(SHAPE.flags())
    assert "--rooms 2" in flags
    assert "--publishers 1 --receivers 4 --kbps 1000 --video-only" in flags
    meeting = " ".join(Shape(publishers=4, audio=True, kbps=500, seats=3).flags())
    assert "--participants 4 --kbps 500 --seats 3" in meeting
    assert "only" not in meeting
    assert "--audio-only" in Shape(audio=True, video=False).flags()
