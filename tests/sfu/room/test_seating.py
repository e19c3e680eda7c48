"""In a room that is bigger than the screen seats go to who matters, and nobody's flickers; only changes cost."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from sfu.media import Kind
from sfu.room.effects import Show, Tell, View
from sfu.room.grants import Grant, Rights
from sfu.room.room import Room, TrackLabel
from sfu.room.seating import KEEP_S
from sfu.room.seats import Wish
from sfu.room.speakers import Speaker
from sfu.sdp.agreement import SeatMids

SEATS = {0: SeatMids("2", "3"), 1: SeatMids("4", "5")}
AUDIO: tuple[str, Kind] = ("0", "audio")
VIDEO: tuple[str, Kind] = ("1", "video")
SCREEN: tuple[str, Kind] = ("6", "video")
CROWD = 1_000


class Hall:
    """A room of people with two seats each, of whom `viewer` is asked whom he sees."""

    def __init__(self, *people: str) -> None:
        self.room = Room("r", record={}, participants_limit=10_000, bitrate=1024)
        self.come("viewer", publishes=False)
        for peer in people:
            self.come(peer)

    def come(self, peer: str, *, publishes: bool = True) -> None:
        """A user of the same name joins and is connected."""
        self.room.grants.put(Grant(peer, 1, f"digest of {peer}", Rights()))
        self.room.enter(peer, peer)
        self.room.negotiate(peer, seats=SEATS, tracks=[AUDIO, VIDEO] if publishes else [])
        self.room.connect(peer)

    def share(self, peer: str) -> None:
        """He shares his screen as well."""
        self.room.negotiate(peer, seats=SEATS, tracks=[AUDIO, VIDEO, SCREEN])

    def speak(self, *peers: str, now: float, leads: str | None = None) -> None:
        """These speak now, the first or another leads."""
        leader = leads or (peers[0] if peers else None)
        self.room.speak([Speaker(peer, 0.5) for peer in peers], leader, now)

    @property
    def seen(self) -> list[str]:
        """Whom the viewer sees, by seat; a screen has a star."""
        seating = self.room.members["viewer"].seating
        return [f"{one.peer}{'*' if one.source == 'screen' else ''}" if one else "" for one in seating.values()]


def test_a_speaker_without_a_seat_takes_that_of_who_spoke_longest_ago_and_keeps_it_for_a_while() -> None:
    hall = Hall("a", "b", "c", "d")
    assert hall.seen == ["a", "b"]
    hall.speak("a", now=1.0)
    hall.speak("c", now=2.0)
    assert hall.seen == ["a", "c"]
    hall.speak("d", now=2.5)
    assert hall.seen == ["d", "c"]
    hall.speak("b", now=3.0)
    assert hall.seen == ["d", "c"]
    hall.room.on_time(2.0 + KEEP_S - 0.1)
    assert hall.seen == ["d", "c"]
    hall.room.on_time(2.0 + KEEP_S)
    assert hall.seen == ["d", "b"]


def test_who_has_fallen_silent_before_a_seat_was_free_does_not_get_it() -> None:
    hall = Hall("a", "b", "c", "d", "e")
    hall.speak("c", now=1.0)
    hall.speak("d", now=1.1)
    hall.speak("e", now=1.2)
    hall.speak(now=2.0, leads="e")
    hall.room.on_time(10.0)
    assert hall.seen == ["d", "c"]


def test_the_seat_of_who_leads_is_not_taken_though_he_is_silent() -> None:
    hall = Hall("a", "b", "c", "d")
    hall.speak("b", now=1.0)
    hall.speak(now=2.0, leads="b")
    hall.speak("c", now=20.0, leads="b")
    hall.speak("d", now=40.0, leads="b")
    assert hall.seen == ["d", "b"]


def test_a_seat_that_was_wished_for_is_not_taken_and_is_kept_when_the_wish_is_over() -> None:
    hall = Hall("a", "b", "c", "d")
    hall.room.view("viewer", {0: Wish("d")})
    assert hall.seen == ["d", "b"]
    hall.speak("a", now=1.0)
    hall.speak("c", now=10.0)
    assert hall.seen == ["d", "c"]
    hall.room.view("viewer", {})
    assert hall.seen == ["d", "c"]
    hall.speak("a", now=20.0)
    assert hall.seen == ["a", "c"]


def test_a_speaker_whom_a_wish_kept_out_gets_a_seat_at_the_next_look() -> None:
    hall = Hall("a", "b", "c")
    hall.room.view("viewer", {0: Wish("a"), 1: Wish("b")})
    hall.speak("c", now=1.0)
    assert hall.seen == ["a", "b"]
    hall.room.view("viewer", {1: Wish("b")})
    hall.room.on_time(1.1)
    assert hall.seen == ["c", "b"]


def test_who_comes_back_from_hold_or_turns_the_camera_on_replaces_nobody() -> None:
    hall = Hall("a", "b", "c")
    hall.room.set_rights("a", Rights(publish=False))
    assert hall.seen == ["c", "b"]
    hall.room.set_rights("a", Rights())
    assert hall.seen == ["c", "b"]


def test_the_seat_of_who_leaves_goes_to_who_spoke_last_of_the_others() -> None:
    hall = Hall("a", "b", "c", "d")
    hall.speak("a", now=0.0)
    hall.speak("c", now=5.0)
    hall.speak("d", now=10.0)
    assert hall.seen == ["d", "c"]
    hall.room.leave("c")
    assert hall.seen == ["d", "a"]


def test_a_newcomer_sees_who_speaks_then_who_spoke() -> None:
    hall = Hall("a", "b", "c", "d")
    hall.speak("c", now=1.0)
    hall.speak("d", now=10.0)
    hall.room.leave("viewer")
    hall.come("viewer", publishes=False)
    assert hall.seen == ["d", "c"]


def test_a_screen_has_a_seat_ahead_of_cameras_even_of_who_speaks_and_its_owner_can_still_be_seen() -> None:
    hall = Hall("a", "b", "c", "d")
    hall.speak("b", now=1.0)
    hall.share("c")
    assert hall.seen == ["c*", "b"]
    hall.speak("c", now=10.0)
    assert hall.seen == ["c*", "c"]
    hall.share("d")
    assert hall.seen == ["c*", "d*"]
    hall.speak("a", now=20.0)
    assert hall.seen == ["c*", "d*"]
    hall.room.negotiate("c", seats=SEATS, tracks=[AUDIO, VIDEO])
    assert hall.seen == ["a", "d*"]


def test_a_screen_does_not_take_the_seat_of_somebody_asked_for_by_name() -> None:
    hall = Hall("a", "b", "c")
    hall.room.view("viewer", {0: Wish("a"), 1: Wish("b")})
    hall.share("c")
    assert hall.seen == ["a", "b"]
    hall.room.view("viewer", {1: Wish("b")})
    assert hall.seen == ["c*", "b"]


def test_a_screen_that_a_client_labels_late_has_its_seat_from_then_on() -> None:
    hall = Hall("a", "b", "c")
    hall.room.label("c", {"1": TrackLabel("screen")})
    assert hall.seen == ["a", "c*"]


def talking(seconds: int) -> list[tuple[float, tuple[str, ...]]]:
    """Who speaks from when on: somebody else each 0.7 s, often two at once."""
    turns = range(int(seconds / 0.7))
    return [(turn * 0.7, tuple(f"p{(turn * step) % 9}" for step in ((5, 7) if turn % 3 else (5,)))) for turn in turns]


def test_a_seat_changes_hands_at_most_once_in_two_seconds() -> None:
    hall = Hall(*(f"p{number}" for number in range(9)))
    talk, changes = dict(talking(60)), dict[int, list[float]]()
    for look in range(600):
        now, before = look / 10, hall.seen
        for begin in [begin for begin in talk if begin <= now]:
            hall.speak(*dict.fromkeys(talk.pop(begin)), now=now)
        hall.room.on_time(now)
        for seat, pair in enumerate(zip(before, hall.seen, strict=True)):
            if pair[0] != pair[1]:
                changes.setdefault(seat, []).append(now)
    for times in changes.values():
        assert len(times) > 10
        assert all(after - before > KEEP_S - 0.01 for before, after in pairwise(times))


class Read(dict[int, Any]):
    """What a member has of each seat, and how often that was read."""

    reads = 0

    def __getitem__(self, seat: int) -> Any:  # noqa: ANN401
        self.reads += 1
        return super().__getitem__(seat)

    def values(self) -> Any:  # noqa: ANN401
        self.reads += 1
        return super().values()


def test_a_speaker_who_gets_no_seat_costs_a_look_at_how_large_pictures_are() -> None:
    hall = Hall("a", "b", "c")
    hall.room.view("viewer", {0: Wish("a"), 1: Wish("b")})
    viewer = hall.room.members["viewer"]
    viewer.seats = read = Read(viewer.seats)
    hall.speak("c", now=1.0)
    assert read.reads == len(viewer.seating)


def test_a_speaker_costs_nothing_for_who_has_no_open_seat() -> None:
    hall = Hall("a", "b", "c")
    hall.room.negotiate("viewer", seats={}, tracks=[])
    viewer = hall.room.members["viewer"]
    viewer.wishes = read = Read()
    hall.speak("c", now=1.0)
    assert read.reads == 0


@pytest.fixture(scope="module")
def crowd() -> Hall:
    """Very many people."""
    hall = Hall(*(f"p{number}" for number in range(CROWD)))
    hall.room.announce()
    list(hall.room.effects())
    return hall


def effects(hall: Hall) -> Counter[type]:
    """What was asked for, counted by kind."""
    return Counter(type(effect) for effect in hall.room.effects())


def test_a_speaker_whom_all_see_costs_a_large_room_no_more_than_to_be_told(crowd: Hall) -> None:
    crowd.speak("p500", now=100.0)
    effects(crowd)
    crowd.speak(now=101.0, leads="p500")
    crowd.speak("p500", now=102.0)
    assert effects(crowd) == {Tell: 2 * (CROWD + 1)}


def test_a_speaker_whom_none_sees_costs_one_seat_of_each(crowd: Hall) -> None:
    crowd.speak("p501", now=200.0)
    crowd.speak("p600", now=300.0)
    effects(crowd)
    crowd.speak("p700", now=400.0)
    counted = effects(crowd)
    assert counted[Show] == 2 * CROWD  # sound and picture of all but himself
    assert counted[View] == 2 * CROWD  # who leads, and who did; those two see one of them
    assert counted[Tell] == CROWD + CROWD + 1  # their seats, and that he speaks


def test_time_that_passes_costs_a_large_room_nothing(crowd: Hall) -> None:
    crowd.speak(now=500.0)
    effects(crowd)
    for look in range(100):
        crowd.room.on_time(501.0 + look / 10)
        crowd.room.silence(frozenset())
    assert not effects(crowd)


def test_a_microphone_that_falls_silent_costs_those_who_have_it(crowd: Hall) -> None:
    crowd.speak("p800", now=600.0)
    effects(crowd)
    crowd.room.silence({"p800", "p900"})
    assert effects(crowd) == {Show: CROWD}  # nobody sees p900
    crowd.room.silence({"p900"})
    assert effects(crowd) == {Show: CROWD}
