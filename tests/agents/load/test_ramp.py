"""Who joins when, who leaves again and who speaks, in virtual time."""

from __future__ import annotations

import pytest

from agents.load.doors import Audience, Chair
from agents.load.plan import LoadPlan, Member
from agents.load.ramp import Churn, Floor, arrivals
from tests.support.seeded import seeded

BOTH = Member(True, True)


def chair(number: int, room: int = 1) -> Chair:
    return Chair(room, number, BOTH, number - 1)


def test_who_opens_a_room_comes_before_all_guests_at_the_asked_rate() -> None:
    plan = LoadPlan(url="http://x", rooms=2, participants=2, ramp=10.0)
    assert [(round(at, 3), one.room, one.number, one.place) for at, one in arrivals(plan)] == [
        (0.0, 1, 1, 0),
        (0.1, 2, 1, 1),
        (0.2, 1, 2, 2),
        (0.3, 2, 2, 3),
    ]


def test_publishers_are_the_first_of_their_room() -> None:
    plan = LoadPlan(url="http://x", publishers=1, receivers=2)
    assert [one.member.sends for _, one in arrivals(plan)] == [True, False, False]


def test_so_many_leave_a_second() -> None:
    churn = Churn(2.5, seeded(1), began=100.0)
    assert [churn.due(100.0 + tick / 10) for tick in range(21)].count(1) == 5
    assert churn.due(102.0) == 0
    assert churn.due(104.0) == 5


def test_nobody_leaves_without_churn() -> None:
    assert Churn(0.0, seeded(1), began=0.0).due(1_000.0) == 0


def test_who_opened_the_room_stays() -> None:
    churn = Churn(1.0, seeded(1), began=0.0)
    chosen = [churn.choose([chair(1), chair(2), chair(3)]) for _ in range(50)]
    assert {one.number for one in chosen if one is not None} == {2, 3}
    assert churn.choose([chair(1)]) is None


def floor(speakers: int, people: int) -> tuple[Floor, set[int]]:
    made = Floor(speakers, 4.0, seeded(5))
    return made, {number for number in range(1, people + 1) if made.came(number, 0.0)}


@pytest.mark.parametrize(("speakers", "people", "expected"), [(0, 3, 0), (1, 3, 1), (2, 3, 2), (5, 3, 3)])
def test_no_more_speak_than_may(speakers: int, people: int, expected: int) -> None:
    _, speaking = floor(speakers, people)
    assert len(speaking) == expected


def test_the_floor_goes_round_and_never_has_more_speakers() -> None:
    made, speaking = floor(2, 6)
    heard = set(speaking)
    lengths = []
    for second in range(1, 400):
        for number, begins in made.changes(float(second)):
            (speaking.add if begins else speaking.remove)(number)
            lengths.append(begins)
        assert len(speaking) == 2
        heard |= speaking
    assert heard == {1, 2, 3, 4, 5, 6}
    # About two speakers in 4 s, over 399 s.
    assert 120 <= sum(lengths) <= 260


def test_nobody_falls_silent_where_nobody_else_waits() -> None:
    made, speaking = floor(3, 3)
    assert speaking == {1, 2, 3}
    assert made.changes(1e6) == []


def test_whoever_leaves_gives_the_floor_to_the_next() -> None:
    made, speaking = floor(1, 2)
    (speaker,) = speaking
    made.left(speaker)
    assert made.changes(0.1) == [({1: 2, 2: 1}[speaker], True)]


def test_who_left_while_silent_is_not_asked_to_speak() -> None:
    made, speaking = floor(1, 2)
    (speaker,) = speaking
    made.left({1: 2, 2: 1}[speaker])
    assert made.changes(1e6) == []


def test_a_joiner_can_hear_somebody_only_after_a_sender_is_in_his_room() -> None:
    audience = Audience()
    assert not audience.can_hear(chair(2))
    audience.came(chair(1))
    assert audience.can_hear(chair(2))
    assert not audience.can_hear(chair(2, room=2))
    assert not audience.can_hear(Chair(1, 2, Member(True, False), 1))
    audience.left(chair(1))
    assert not audience.can_hear(chair(2))
    audience.came(Chair(1, 3, Member(False, True), 2))
    assert not audience.can_hear(chair(2))
