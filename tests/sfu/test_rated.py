"""Signaling is told how well media travels: changed grades, all after it may have lost them, and figures in turn."""

import json
from typing import Any

from sfu.rated import MAX_ENTRIES, MAX_PARTICIPANTS, MAX_ROOMS, Rated
from sfu.room.figures import Figures, Way
from sfu.room.grants import Rights
from sfu.room.members import Member
from sfu.room.quality import Quality
from sfu.room.room import Room


def room(name: str, **rated: Quality) -> Room:
    """A room whose participants were rated so; each is a peer of the same name."""
    made = Room(name, record={}, participants_limit=10_000, bitrate=1)
    made.members.update({peer: Member(peer, peer, Rights()) for peer in rated})
    made.rate(rated)
    return made


MOST = Figures(1e9, 1e9, Way(1e9, 0.1234, 1e9), Way(1e9, 0.1234, 1e9))
"""As long as figures get."""


def measured(name: str, **rated: Quality) -> Room:
    """The same, with figures of each."""
    made = room(name, **rated)
    made.measure(dict.fromkeys(rated, MOST))
    return made


def reported(rated: Rated, rooms: list[Room]) -> list[dict[str, Any]]:
    """The rooms of a report."""
    report: Any = rated.report(rooms)
    return [] if report is None else list(report["rooms"])


def test_a_room_is_told_when_it_changes_and_again_when_all_is_well() -> None:
    rated = Rated()
    assert rated.report([room("r", alice="good")]) is None
    assert rated.report([room("r", alice="good", bob="poor")]) == {
        "rooms": [{"room": "r", "participants": {"bob": "poor"}, "figures": {}}]
    }
    assert rated.report([room("r", alice="good", bob="poor")]) is None
    assert rated.report([room("r", alice="good", bob="good")]) == {
        "rooms": [{"room": "r", "participants": {}, "figures": {}}]
    }
    assert rated.report([room("r")]) is None


def test_after_a_loss_all_rooms_are_told_that_were_told_before() -> None:
    rated = Rated()
    rated.report([room("bad", alice="poor"), room("well", bob="lost"), room("ever", carol="good")])
    rated.forget()
    rooms = [room("bad", alice="poor"), room("well", bob="good"), room("ever", carol="good")]
    told = [(each["room"], each["participants"]) for each in reported(rated, rooms)]
    assert told == [("bad", {"alice": "poor"}), ("well", {})]
    assert rated.report(rooms) is None


def test_a_room_that_is_gone_is_forgotten() -> None:
    rated = Rated()
    rated.report([room("r", alice="poor")])
    assert rated.report([]) is None
    assert rated.report([room("r", alice="good")]) is None


def test_a_report_is_bounded_and_the_rest_comes_with_the_next() -> None:
    rated = Rated()
    rooms = [room(f"r{number}", alice="poor") for number in range(MAX_ROOMS + 5)]
    reports = [rated.report(rooms) for _ in range(3)]
    assert [len(str(report).split("'room'")) - 1 for report in reports] == [MAX_ROOMS, 5, 0]


def test_a_room_is_not_kept_waiting_by_others_that_change_all_the_time() -> None:
    def restless(grade: Quality) -> list[Room]:
        return [room(f"r{number}", alice=grade) for number in range(MAX_ROOMS)]

    rated = Rated()
    rated.report([*restless("poor"), room("last", bob="poor")])
    report = rated.report([*restless("lost"), room("last", bob="poor")])
    assert "'last'" in str(report)


def test_of_rooms_that_change_all_the_time_those_told_longest_ago_come_first() -> None:
    rated = Rated()
    grades: list[Quality] = ["poor", "lost", "fair"]
    reports = [
        str(rated.report([room(f"r{number}", alice=grade) for number in range(2 * MAX_ROOMS)])) for grade in grades
    ]
    assert ["'r0'" in report for report in reports] == [True, False, True]
    assert [f"'r{MAX_ROOMS}'" in report for report in reports] == [False, True, False]


def test_of_a_large_room_the_worst_are_told() -> None:
    people = range(3 * MAX_PARTICIPANTS)
    grades: dict[str, Quality] = {f"u{number}": "fair" if number % 2 else "lost" for number in people}
    report = Rated().report([room("r", **grades), *(room(f"s{number}", **grades) for number in range(5))])
    assert report is not None
    told = report["rooms"]
    assert isinstance(told, list)
    assert sum(len(each["participants"]) for each in told) <= MAX_ENTRIES + MAX_PARTICIPANTS
    assert set(told[0]["participants"].values()) == {"lost"}


def test_figures_are_told_each_time_though_no_grade_has_changed() -> None:
    rated = Rated()
    for _ in range(2):
        (told,) = reported(rated, [measured("r", alice="good", bob="poor"), room("unmeasured", carol="good")])
        assert (told["room"], told["participants"]) == ("r", {"bob": "poor"})
        assert told["figures"] == {"alice": MOST.wire(), "bob": MOST.wire()}


def test_figures_come_in_turn_where_there_are_too_many_rooms_and_changed_grades_come_first() -> None:
    rated = Rated()
    rooms = [measured(f"r{number}", alice="good") for number in range(MAX_ROOMS + 40)]
    first = [each["room"] for each in reported(rated, rooms)]
    rooms[7] = measured("r7", alice="poor")
    second = [each["room"] for each in reported(rated, rooms)]
    third = [each["room"] for each in reported(rated, rooms)]
    assert first == [f"r{number}" for number in range(MAX_ROOMS)]
    assert second[:42] == ["r7", *(f"r{number}" for number in range(MAX_ROOMS, MAX_ROOMS + 40)), "r0"]
    assert third[:41] == [*(f"r{number}" for number in range(MAX_ROOMS - 40, MAX_ROOMS)), "r7"]


def test_of_a_large_room_figures_are_told_of_those_whose_grades_are_and_of_as_many_as_there_is_a_place_for() -> None:
    grades: dict[str, Quality] = {f"u{number}": "good" for number in range(2 * MAX_PARTICIPANTS)}
    (told,) = reported(Rated(), [measured("r", **grades, last="lost")])
    assert len(told["figures"]) == MAX_PARTICIPANTS
    assert next(iter(told["figures"])) == "last"


def test_the_largest_report_fits_into_what_signaling_takes() -> None:
    def full(number: int, people: int) -> Room:
        grades: dict[str, Quality] = {f"{number:04}{person:020}": "poor" for person in range(people)}
        return measured(f"{number:064}", **grades)

    # As many rooms as go, of which the last but one leaves a place, and the last takes all it may.
    small = [full(number, 2) for number in range(MAX_ROOMS - 2)]
    rest = MAX_ENTRIES - 2 * len(small)
    rooms = [*small, full(MAX_ROOMS, rest), full(MAX_ROOMS + 1, 3 * MAX_PARTICIPANTS)]
    told = reported(Rated(), rooms)
    assert sum(len(each["figures"]) for each in told) == MAX_ENTRIES + MAX_PARTICIPANTS
    assert len(json.dumps(["quality", {"rooms": told}], separators=(",", ":"))) < 65_536
