"""What is said to be wrong with a run, and that nothing is where nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from agents.load.verdict import complaints


def report(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    good: dict[str, Any] = {
        "plan": {"seats": 2, "churn": 0.0},
        "seconds": 2.0,
        "joins": {"done": 3, "errors": {}},
        "received": {"packets": 200},
        "requirements": [{"text": "loss<1%", "value": 0.001, "holds": True}],
        "seconds_series": [
            {"phase": "warm-up", "t": 1.0, "received": 0.0},
            {"phase": "measure", "t": 2.0, "received": 100.0},
            {"phase": "measure", "t": 3.0, "received": 100.0},
        ],
    }
    return good | changes


def silent_at(*seconds: float) -> list[dict[str, Any]]:
    return [{"phase": "measure", "t": t, "received": 0.0 if t in seconds else 9.0} for t in (1.0, 2.0, 3.0)]


def test_nothing_is_wrong_with_a_good_run() -> None:
    assert list(complaints(report())) == []


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"joins": {"done": 0, "errors": {"full": 3, "late": 1}}}, "error: nobody could join: full"),
        ({"joins": {"done": 0, "errors": {}}}, "error: stopped before anybody had joined"),
        ({"seconds": 0.0}, "error: stopped before anything was measured"),
        ({"received": {"packets": 0}}, "error: no packet was received"),
        ({"seconds_series": silent_at(3.0)}, "error: the server fell silent: the last packet was received at 2 s"),
        (
            {"requirements": [{"text": "loss<1%", "value": 0.0251, "holds": False}]},
            "does not hold: loss<1% (is 0.0251)",
        ),
        (
            {"requirements": [{"text": "server.cpu_share<1", "value": None, "holds": False}]},
            "does not hold: server.cpu_share<1 (was not measured)",
        ),
    ],
)
def test_what_is_wrong_is_said(changes: dict[str, Any], complaint: str) -> None:
    assert list(complaints(report(**changes))) == [complaint]


def test_publishers_alone_hear_nothing_and_nothing_is_wrong_with_that() -> None:
    assert list(complaints(report(plan={"seats": 0, "churn": 0.0}, received={"packets": 0}))) == []


def test_where_people_come_and_go_silence_may_be_for_want_of_listeners() -> None:
    assert list(complaints(report(plan={"seats": 2, "churn": 1.0}, seconds_series=silent_at(3.0)))) == []


def test_a_pause_in_the_middle_is_no_silence() -> None:
    assert list(complaints(report(seconds_series=silent_at(2.0)))) == []
