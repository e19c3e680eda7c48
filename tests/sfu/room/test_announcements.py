"""A large room hears of a burst at once; a small one of everything as it happens."""

from sfu.room.announcements import LARGE_ROOM
from sfu.room.effects import Show, Tell
from sfu.room.grants import Grant, Rights
from sfu.room.room import Room, TrackLabel
from sfu.sdp.agreement import SeatMids

SEATS = {0: SeatMids("2", "3"), 1: SeatMids("4", "5")}
CROWD = 500


def crowd(size: int) -> Room:
    """A room of people of whom the first three publish, and who have heard of each other."""
    room = Room("r", record={}, participants_limit=10_000, bitrate=1024)
    for number in range(size):
        come(room, f"p{number}", publishes=number < 3)
    room.announce()
    list(room.effects())
    return room


def come(room: Room, peer: str, *, publishes: bool = False) -> None:
    """A peer of a user of the same name joins and is connected."""
    room.grants.put(Grant(peer, 1, f"digest of {peer}", Rights()))
    room.enter(peer, peer)
    room.negotiate(peer, seats=SEATS, tracks=[("0", "audio"), ("1", "video")] if publishes else [])
    room.connect(peer)
    for mid in ("0", "1") if publishes else ():
        room.track_active(peer, mid)


def told(room: Room) -> list[Tell]:
    """What the others are told, now that news are due."""
    effects = list(room.effects())
    assert not [effect for effect in effects if isinstance(effect, Show) and effect.peer.startswith("p")]
    room.announce()
    effects += room.effects()
    return [effect for effect in effects if isinstance(effect, Tell) and effect.peer.startswith("p")]


def test_a_join_into_a_large_room_is_one_message_to_each_and_changes_no_seat() -> None:
    room = crowd(CROWD)
    come(room, "new")
    tells = told(room)
    assert sorted(tell.peer for tell in tells) == sorted(f"p{number}" for number in range(CROWD))
    assert all(tell.event == "participants" for tell in tells)
    assert tells[0].data == {"joined": [{"participant": "new", "peer": "new"}], "left": []}


def test_a_burst_of_joins_is_one_message_to_each_and_one_object_for_all() -> None:
    room = crowd(CROWD)
    for number in range(20):
        come(room, f"new{number}")
    tells = told(room)
    assert len(tells) == CROWD
    assert len({id(tell.data) for tell in tells}) == 1  # so that it is encoded once
    assert isinstance(tells[0].data, dict)
    assert [one["peer"] for one in tells[0].data["joined"]] == [f"new{number}" for number in range(20)]


def test_who_publishes_is_two_messages_to_each_of_a_large_room_whatever_he_publishes() -> None:
    room = crowd(CROWD)
    come(room, "new", publishes=True)
    room.label("new", {"0": TrackLabel(muted=True)})
    tells = [tell for tell in told(room) if tell.peer == "p7"]
    assert [tell.event for tell in tells] == ["participants", "tracks"]
    assert isinstance(tells[1].data, dict)
    assert [(one["track"], one["muted"]) for one in tells[1].data["published"]] == [("new:0", True), ("new:1", False)]
    assert not tells[1].data["changed"]


def test_newcomers_hear_of_each_other_and_not_of_themselves() -> None:
    room = crowd(CROWD)
    come(room, "new1")
    come(room, "new2")
    room.announce()
    heard = {tell.peer: tell.data for tell in room.effects() if isinstance(tell, Tell) and tell.event == "participants"}
    assert heard["new1"] == {"joined": [{"participant": "new2", "peer": "new2"}], "left": []}
    assert heard["new2"] == {"joined": [{"participant": "new1", "peer": "new1"}], "left": []}


def test_an_answer_and_the_news_after_it_tell_of_everybody_once() -> None:
    room = crowd(CROWD)
    come(room, "gathered", publishes=True)
    others = room.others("p7")
    assert "gathered" not in str(others)
    room.announce()
    assert str(room.others("p7")).count("'peer': 'gathered'") == 3  # the participant and two tracks


def test_who_comes_and_goes_between_two_announcements_is_never_told() -> None:
    room = crowd(CROWD)
    come(room, "hasty", publishes=True)
    room.leave("hasty")
    room.leave("p9")
    tells = [tell for tell in told(room) if tell.peer == "p7"]
    assert [tell.data for tell in tells] == [{"joined": [], "left": [{"participant": "p9", "peer": "p9"}]}]


def test_a_small_room_hears_at_once_and_the_first_large_one_does_not() -> None:
    room = crowd(LARGE_ROOM - 1)
    come(room, "last")
    assert not room.has_news
    assert [tell.event for tell in told(room) if tell.peer == "p7"] == ["participants"]
    come(room, "one more")
    assert room.has_news


def test_who_gets_a_seat_has_been_told_before() -> None:
    room = crowd(CROWD)
    room.leave("p0")
    room.leave("p1")
    come(room, "new", publishes=True)
    events = [(tell.event, str(tell.data)) for tell in room.effects() if isinstance(tell, Tell) and tell.peer == "p7"]
    seated = next(index for index, (event, data) in enumerate(events) if event == "seats" and "'new'" in data)
    assert "'new'" in next(data for event, data in events[:seated] if event == "participants" and "'new'" in data)


def test_a_large_room_is_told_the_quality_that_changed_and_a_newcomer_what_is_not_good() -> None:
    room = crowd(CROWD)
    everybody = dict.fromkeys(room.members, "good")
    room.rate(everybody)  # type: ignore[arg-type]
    assert told(room) == []
    room.rate(everybody | {"p3": "poor"})  # type: ignore[arg-type]
    assert {str(tell.data) for tell in told(room)} == {"{'p3': 'poor'}"}
    come(room, "new")
    assert Tell("new", "quality", {"p3": "poor"}) in list(room.effects())
    room.rate(everybody | {"new": "good"})  # type: ignore[arg-type]
    assert {str(tell.data) for tell in told(room) if tell.event == "quality"} == {"{'p3': 'good'}"}
