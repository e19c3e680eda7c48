"""A plan says who joins, and names the flag that makes no sense."""

from __future__ import annotations

from typing import Any

import pytest

from agents.errors import ConfigError
from agents.load.plan import LoadPlan, Member

URL = "http://127.0.0.1:8080"
SENDS, RECEIVES, BOTH = Member(True, False), Member(False, True), Member(True, True)


def plan(**fields: Any) -> LoadPlan:  # noqa: ANN401
    return LoadPlan(**({"url": URL} | fields))


def test_everybody_sends_and_receives_unless_told_otherwise() -> None:
    assert plan(participants=3).members == (BOTH, BOTH, BOTH)


def test_who_sends_comes_first() -> None:
    assert plan(participants=3, publishers=1).members == (BOTH, RECEIVES, RECEIVES)


def test_receivers_come_beside_publishers_who_only_send() -> None:
    assert plan(publishers=1, receivers=2).members == (SENDS, RECEIVES, RECEIVES)


@pytest.mark.parametrize(("people", "seats"), [(1, 1), (2, 1), (4, 3), (5, 4), (50, 4)])
def test_seats_are_enough_for_a_small_room_and_four_in_a_large_one(people: int, seats: int) -> None:
    assert plan(participants=people).seats_of(BOTH) == seats


def test_a_receiver_of_one_publisher_asks_for_one_seat_and_a_publisher_for_none() -> None:
    assert plan(publishers=1, receivers=200).seats_of(RECEIVES) == 1
    assert plan(publishers=1, receivers=200).seats_of(SENDS) == 0


def test_the_seats_asked_for_count() -> None:
    assert plan(participants=3, seats=9).seats_of(BOTH) == 9


def test_the_total_is_of_all_rooms() -> None:
    assert plan(rooms=5, publishers=1, receivers=10).total == 55


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"url": None}, "either --url of signaling, or --whip and --whep"),
        ({"whip": "http://x"}, "either --url of signaling, or --whip and --whep"),
        ({"url": "ftp://x"}, "--url must begin with http:// or https://, not 'ftp://x'"),
        ({"url": None, "whep": "x"}, "--whep must begin with http://"),
        ({"participants": 3, "receivers": 2}, "either --participants or --receivers"),
        ({"receivers": 2}, "--receivers needs --publishers"),
        ({"participants": 2, "publishers": 3}, "--publishers 3 is more than --participants 2"),
        ({"rooms": 0}, "--rooms must be at least 1, not 0"),
        ({"participants": 0}, "--participants must be at least 1"),
        ({"publishers": -1}, "--publishers must be at least 0"),
        ({"publishers": 0, "receivers": 0}, "nobody would join"),
        ({"rooms": 1_000, "participants": 1_000}, "at most 100000"),
        ({"url": None, "whep": "http://x", "participants": 2}, "--publishers need --whip"),
        ({"url": None, "whip": "http://x", "participants": 2}, "receivers need --whep"),
        ({"audio": False, "video": False}, "--audio-only and --video-only exclude each other"),
        ({"video": False, "simulcast": True}, "--simulcast needs video"),
        ({"seats": 0}, "--seats must be from 1 to 64, not 0"),
        ({"seats": 65}, "--seats must be from 1 to 64"),
        ({"kbps": 29}, "--kbps must be from 30"),
        ({"ramp": 0}, "--ramp must be from 0.01"),
        ({"ramp": float("nan")}, "--ramp must be from 0.01 to 10000, not nan"),
        ({"duration_s": 0}, "--duration must be from 0.1"),
        ({"warm_up_s": -1}, "--warm-up must be from 0"),
        ({"churn": -1}, "--churn must be from 0"),
        ({"speakers": -1}, "--speakers must be from 0"),
        ({"spurt_s": 0}, "--talk-spurts must be from 0.2"),
        ({"loss": 0.91}, "--loss must be from 0 to 90, not 91"),
        ({"delay_ms": -1}, "--delay-ms must be from 0"),
        ({"jitter_ms": 1e9}, "--jitter-ms must be from 0 to 10000"),
        ({"check_every": 0}, "--check-every must be from 1"),
        ({"threads": 0}, "--threads must be at least 1"),
        ({"threads": 257}, "--threads must be from 1 to 256"),
    ],
)
def test_a_flag_that_makes_no_sense_is_named(fields: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        plan(**fields)
    assert complaint in str(error.value)


def test_receivers_alone_need_no_whip() -> None:
    only = LoadPlan(whep="http://x", publishers=0, receivers=3)
    assert only.members == (RECEIVES,) * 3
    assert only.seats_of(RECEIVES) == 1


def test_the_report_quotes_what_was_made_of_the_flags() -> None:
    told = plan(rooms=2, publishers=1, receivers=3).as_object()
    assert (told["members"], told["senders"], told["seats"], told["rooms"]) == (4, 1, 1, 2)
