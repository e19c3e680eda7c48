"""The times of joins: phases that add up, and quantiles over all of them."""

from __future__ import annotations

import pytest

from agents.load.joining import MEDIA, Joins, JoinTimes


def test_the_phases_of_a_join_add_up_to_it() -> None:
    times = JoinTimes(10.0)
    times.done("connect", 10.5)
    times.offered(10.5)
    times.done("answer", 10.6)
    times.done("ice", 10.7)
    times.first_packet(11.0)
    assert times.phases == pytest.approx({"connect": 0.5, "answer": 0.1, "ice": 0.1, "first_packet": 0.3, MEDIA: 0.5})
    assert times.total == pytest.approx(1.0)


def test_a_packet_that_came_before_the_last_phase_was_noticed_takes_no_time() -> None:
    times = JoinTimes(0.0)
    times.offered(0.0)
    times.done("dtls", 2.0)
    times.first_packet(1.9)
    assert times.phases["first_packet"] == 0.0
    assert times.phases[MEDIA] == times.total == 2.0


def test_two_connections_of_one_participant_add_their_phases() -> None:
    times = JoinTimes(0.0)
    for answer, ice in ((1.0, 2.0), (4.0, 5.0)):
        times.done("answer", answer)
        times.done("ice", ice)
    assert times.phases == {"answer": 3.0, "ice": 2.0}


def test_waiting_for_the_room_to_open_is_no_part_of_a_join() -> None:
    times = JoinTimes(0.0)
    times.restart(30.0)
    times.done("connect", 30.2)
    assert times.total == pytest.approx(0.2)


def test_all_joins_of_a_run_have_quantiles_in_ms_in_the_order_of_a_join() -> None:
    joins = Joins()
    for number in range(1, 101):
        times = JoinTimes(float(number))
        times.done("ice", number + number / 100)
        times.done("connect", number + number / 100)
        joins.succeed(times, number + 1.0)
    told = joins.times()
    assert told["total"] == pytest.approx({"count": 100, "p50": 500, "p95": 950, "p99": 990, "max": 1_000})
    assert list(told["phases"]) == ["connect", "ice"]
    assert told["phases"]["connect"]["max"] == 0.0
    assert joins.per_s == pytest.approx(1.0)


def test_failures_are_counted_by_what_went_wrong_the_most_frequent_first() -> None:
    joins = Joins()
    for why in ("full", "late", "late"):
        joins.fail(why)
    told = joins.as_object()
    assert (told["done"], told["failed"], told["per_s"]) == (0, 3, 0.0)
    assert list(told["errors"].items()) == [("late", 2), ("full", 1)]
