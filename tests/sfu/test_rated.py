"""Signaling is told whose media does not travel well: what changed, and whole after it may have lost it."""

from sfu.rated import MAX_ENTRIES, MAX_PARTICIPANTS, MAX_ROOMS, Rated
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


def test_a_room_is_told_when_it_changes_and_again_when_all_is_well() -> None:
    rated = Rated()
    assert rated.report([room("r", alice="good")]) is None
    assert rated.report([room("r", alice="good", bob="poor")]) == {
        "rooms": [{"room": "r", "participants": {"bob": "poor"}}]
    }
    assert rated.report([room("r", alice="good", bob="poor")]) is None
    assert rated.report([room("r", alice="good", bob="good")]) == {"rooms": [{"room": "r", "participants": {}}]}
    assert rated.report([room("r")]) is None


def test_after_a_loss_all_rooms_are_told_that_were_told_before() -> None:
    rated = Rated()
    rated.report([room("bad", alice="poor"), room("well", bob="lost"), room("ever", carol="good")])
    rated.forget()
    rooms = [room("bad", alice="poor"), room("well", bob="good"), room("ever", carol="good")]
    assert rated.report(rooms) == {
        "rooms": [{"room": "bad", "participants": {"alice": "poor"}}, {"room": "well", "participants": {}}]
    }
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
