"""A room tells everybody what changed and nobody anything else."""

import hashlib
from collections.abc import Sequence

import pytest

from sfu.errors import BadRequest, NotAdmitted, RoomFull
from sfu.media import Kind
from sfu.room.effects import Show, Tell, View
from sfu.room.grants import Grant, Grants, Rights
from sfu.room.room import Room, TrackLabel
from sfu.room.seats import Wish
from sfu.room.speakers import Speaker
from sfu.room.views import Look
from sfu.sdp.agreement import SeatMids

CAMERA: list[tuple[str, Kind]] = [("0", "audio"), ("1", "video")]
TWO_SEATS = {0: SeatMids("2", "3"), 1: SeatMids("4", "5")}


class Table:
    """A room under test, with what it asked for sorted by kind."""

    def __init__(self, limit: int = 100) -> None:
        self.room = Room("r", record={}, participants_limit=limit, bitrate=1024)
        self.shows: list[Show] = []
        self.tells: list[Tell] = []
        self.views: list[View] = []

    def take(self) -> None:
        """Forget what was asked for so far, and take what is new."""
        effects = list(self.room.effects())
        self.shows = [effect for effect in effects if isinstance(effect, Show)]
        self.tells = [effect for effect in effects if isinstance(effect, Tell)]
        self.views = [effect for effect in effects if isinstance(effect, View)]

    def told(self, peer: str, event: str) -> list[object]:
        """What `peer` was told last."""
        return [tell.data for tell in self.tells if (tell.peer, tell.event) == (peer, event)]

    def join(
        self,
        peer: str,
        *,
        seats: dict[int, SeatMids] = TWO_SEATS,
        tracks: Sequence[tuple[str, Kind]] = CAMERA,
        active: bool = True,
    ) -> None:
        """A peer whose user has the same name, connected and publishing."""
        self.room.grants.put(Grant(peer, 1, "0" * 64, Rights()))
        self.room.enter(peer, peer)
        self.room.negotiate(peer, seats=seats, tracks=tracks)
        self.room.connect(peer)
        for mid, _ in tracks if active else ():
            self.room.track_active(peer, mid)
        self.take()


def seat(who: str, *, audio: str | None = "0", video: str | None = "1", source: str = "camera") -> dict[str, object]:
    """A seat as its client is told of it."""
    track = {"audio": audio and f"{who}:{audio}", "video": video and f"{who}:{video}"}
    return {"participant": who, "peer": who, "source": source, "track": track}


def test_two_peers_are_shown_to_each_other() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    assert {(show.peer, show.mid): show.source for show in table.shows} == {
        ("a", "2"): ("b", "0"),
        ("a", "3"): ("b", "1"),
        ("b", "2"): ("a", "0"),
        ("b", "3"): ("a", "1"),
    }
    assert table.told("a", "participants") == [{"joined": [{"participant": "b", "peer": "b"}], "left": []}]
    assert table.told("a", "seats")[-1] == {"0": seat("b")}
    assert table.told("b", "seats") == [{"0": seat("a"), "1": None}]


def test_a_peer_is_not_heard_of_before_its_media_connects() -> None:
    table = Table()
    table.join("a")
    table.room.enter("b", "b")
    table.room.negotiate("b", seats=TWO_SEATS, tracks=CAMERA)
    table.room.track_active("b", "0")
    table.take()
    assert table.told("a", "seats") == []
    assert table.told("a", "participants") == []
    assert table.room.others("a") == {"participants": [], "tracks": []}


def test_a_peer_that_is_still_connecting_hears_who_came_since_its_answer() -> None:
    table = Table()
    table.room.enter("a", "a")
    table.room.negotiate("a", seats=TWO_SEATS, tracks=CAMERA)
    assert table.room.others("a") == {"participants": [], "tracks": []}
    table.room.enter("b", "b")
    table.room.connect("b")
    table.take()
    assert table.told("a", "participants") == [{"joined": [{"participant": "b", "peer": "b"}], "left": []}]
    assert table.told("a", "seats") == []


def test_a_track_is_published_once_its_first_packet_came() -> None:
    table = Table()
    table.join("a")
    table.join("b", active=False)
    assert table.told("a", "seats") == [{"0": seat("b", audio=None, video=None)}]
    table.room.track_active("b", "1")
    table.take()
    (tracks,) = table.told("a", "tracks")
    assert tracks == {
        "published": [
            {"track": "b:1", "participant": "b", "peer": "b", "kind": "video", "source": "camera", "muted": False}
        ],
        "unpublished": [],
        "changed": [],
    }
    assert table.told("a", "seats") == [{"0": seat("b", audio=None)}]
    assert table.shows == []


def test_leaving_empties_one_seat_and_touches_no_other() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer)
    table.room.leave("b")
    table.take()
    assert table.told("a", "seats") == [{"0": None}]
    assert table.told("c", "seats") == [{"1": None}]
    assert table.told("a", "participants") == [{"joined": [], "left": [{"participant": "b", "peer": "b"}]}]
    assert table.told("a", "tracks") == [{"published": [], "unpublished": ["b:0", "b:1"], "changed": []}]
    assert {(show.peer, show.mid, show.source) for show in table.shows} == {
        ("a", "2", None),
        ("a", "3", None),
        ("c", "4", None),
        ("c", "5", None),
    }
    table.room.leave("b")
    table.take()
    assert table.tells == []


def test_new_seats_stay_empty_until_the_answer_is_applied() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer, seats={0: SeatMids("2", "3")})
    table.room.negotiate("a", seats=TWO_SEATS, tracks=CAMERA)
    table.take()
    assert table.shows == []
    table.room.open_seats("a")
    table.take()
    assert table.told("a", "seats") == [{"1": seat("c")}]


def test_a_screen_has_a_seat_of_its_own() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.negotiate("b", seats=TWO_SEATS, tracks=[*CAMERA, ("6", "video")])
    table.room.track_active("b", "6")
    table.take()
    assert table.told("a", "seats")[-1] == {"1": seat("b", audio=None, video="6", source="screen")}


def test_a_wish_is_honoured_and_an_unknown_seat_refused() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer)
    table.room.view("a", {0: Wish("c")})
    table.take()
    assert table.told("a", "seats") == [{"0": seat("c"), "1": seat("b")}]
    with pytest.raises(BadRequest, match="no seat 7"):
        table.room.view("a", {7: Wish("c")})


def test_muting_is_told_and_leaves_the_seat() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.label("b", {"0": TrackLabel("microphone", muted=True)})
    table.take()
    (tracks,) = table.told("a", "tracks")
    assert isinstance(tracks, dict)
    assert [track["muted"] for track in tracks["changed"]] == [True]
    assert table.shows == []
    with pytest.raises(BadRequest, match="mid '9'"):
        table.room.label("b", {"9": TrackLabel()})
    with pytest.raises(BadRequest, match="is audio"):
        table.room.label("b", {"0": TrackLabel("camera")})


def test_no_common_codec_empties_the_video_and_says_so_until_the_codec_changes() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.not_showable("a", "3", ("b", "1"))
    table.take()
    assert table.told("a", "seats") == [{"0": seat("b", video=None) | {"reason": "no common codec"}}]
    assert table.shows == []
    table.room.track_active("b", "1")
    table.take()
    assert table.told("a", "seats") == [{"0": seat("b")}]
    assert table.shows == [Show("a", "3", ("b", "1"))]


def test_rights_decide_who_is_shown_and_who_sees() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.set_rights("b", Rights(publish=False, receive=True))
    table.take()
    assert table.told("a", "seats") == [{"0": None}]
    assert table.told("b", "seats") == []
    table.room.set_rights("b", Rights(publish=True, receive=False))
    table.take()
    assert table.told("a", "seats") == [{"0": seat("b")}]
    assert table.told("b", "seats") == [{"0": None}]


def test_who_speaks_gets_a_seat_in_a_big_room() -> None:
    table = Table()
    for peer in "abcd":
        table.join(peer)
    table.take()
    table.room.speak([Speaker("d", 0.5)], "d", 1.0)
    table.take()
    assert table.told("a", "speakers") == [[{"participant": "d", "peer": "d", "level": 0.5}]]
    seated = table.told("a", "seats")
    assert len(seated) == 1
    assert list(seated[0].values()) == [seat("d")]  # type: ignore[attr-defined]


def test_a_picture_is_viewed_before_it_is_shown_and_what_the_client_says_counts() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    assert [view for view in table.views if view.peer == "a"] == [View("a", "3", None, 100)]
    table.room.view("a", {}, {0: Look(360, 7)})
    table.take()
    assert table.views == [View("a", "3", 360, 7)]
    table.room.view("a", {}, {0: Look(0)})
    table.take()
    assert table.views == [View("a", "3", 0, 100)]
    assert table.shows == []
    assert table.told("a", "seats") == []
    table.room.view("a", {0: Wish("b")})
    table.take()
    assert table.views == [View("a", "3", None, 120)]
    with pytest.raises(BadRequest, match="no seat 7"):
        table.room.view("a", {}, {7: Look(360)})


def test_the_dominant_speakers_picture_comes_first_until_another_follows() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer)
    table.room.speak([Speaker("b", 0.5)], "b", 1.0)
    table.take()
    assert {(view.peer, view.mid, view.priority) for view in table.views} == {("a", "3", 150), ("c", "5", 150)}
    table.room.speak([], "b", 2.0)
    table.room.speak([Speaker("b", 0.9)], "b", 3.0)
    table.take()
    assert table.views == []
    table.room.speak([Speaker("c", 0.5), Speaker("b", 0.5)], "c", 4.0)
    table.take()
    assert {(view.peer, view.mid, view.priority) for view in table.views} == {
        ("a", "3", 100),
        ("a", "5", 150),
        ("b", "5", 150),
        ("c", "5", 100),
    }


def test_that_another_leads_is_not_told_while_the_speakers_are_the_same() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer)
    table.room.speak([Speaker("b", 0.5)], None, 1.0)
    table.take()
    assert len(table.told("a", "speakers")) == 1
    table.room.speak([Speaker("b", 0.5)], "b", 1.1)
    table.take()
    assert table.tells == []
    assert {view.priority for view in table.views} == {150}


def test_a_view_is_told_anew_of_an_m_line_that_is_new() -> None:
    table = Table()
    table.join("a", seats={0: SeatMids("2", "3")})
    table.join("b")
    table.room.negotiate("a", seats={0: SeatMids("8", "9")}, tracks=CAMERA)
    table.room.open_seats("a")
    table.take()
    assert table.views == [View("a", "9", None, 100)]
    for seats in ({}, {0: SeatMids("8", "9")}):  # closed, and opened again: the core has forgotten
        table.room.negotiate("a", seats=seats, tracks=CAMERA)
        table.room.open_seats("a")
        table.take()
    assert table.views == [View("a", "9", None, 100)]


def test_a_seat_whose_path_carries_no_picture_says_so() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.seat_paused("a", "3", paused=True)
    table.take()
    assert table.told("a", "seats") == [{"0": seat("b") | {"paused": True}}]
    table.room.seat_paused("a", "3", paused=True)
    table.take()
    assert table.tells == []
    table.room.seat_paused("a", "3", paused=False)
    table.take()
    assert table.told("a", "seats") == [{"0": seat("b")}]
    table.room.seat_paused("gone", "3", paused=True)


def test_a_seat_that_shows_something_else_is_not_paused_until_the_core_says_so_again() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer)
    table.room.seat_paused("a", "3", paused=True)
    table.room.view("a", {0: Wish("c")})
    table.take()
    assert table.told("a", "seats")[-1] == {"0": seat("c"), "1": seat("b")}
    table.room.seat_paused("a", "3", paused=True)
    table.take()
    assert table.told("a", "seats") == [{"0": seat("c") | {"paused": True}}]


def test_who_is_not_to_be_heard_keeps_his_seat_and_picture() -> None:
    table = Table()
    for peer in "abc":
        table.join(peer)
    table.room.silence({"b"})
    table.take()
    assert set(table.shows) == {Show("a", "2", None), Show("c", "4", None)}
    assert table.tells == []
    table.room.silence({"c"})
    table.take()
    assert set(table.shows) == {
        Show("a", "2", ("b", "0")),
        Show("c", "4", ("b", "0")),
        Show("a", "4", None),
        Show("b", "4", None),
    }


def test_the_sound_of_a_screen_is_heard_though_its_owner_is_not() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.negotiate("b", seats=TWO_SEATS, tracks=[*CAMERA, ("6", "video"), ("7", "audio")])
    table.room.silence({"b"})
    table.take()
    assert Show("a", "4", ("b", "7")) in table.shows
    assert Show("a", "2", None) in table.shows


def test_someone_who_only_watches_takes_no_seat() -> None:
    table = Table()
    table.join("a")
    table.join("b", tracks=[])
    assert table.told("a", "seats") == []
    assert table.told("b", "seats") == [{"0": seat("a"), "1": None}]


def test_a_full_room_refuses_users_but_not_devices_of_who_is_in() -> None:
    table = Table(limit=1)
    table.join("a")
    with pytest.raises(RoomFull, match="1 participants"):
        table.room.check_place("b")
    table.room.check_place("a")


def test_a_resume_tells_all_seats_again() -> None:
    table = Table()
    table.join("a")
    table.join("b")
    table.room.forget_told("a")
    table.take()
    assert table.told("a", "seats") == [{"0": seat("b"), "1": None}]
    assert table.shows == []


def test_only_the_right_token_is_admitted() -> None:
    grants = Grants()
    grants.put(Grant("alice", 1, hashlib.sha256(b"secret").hexdigest(), Rights()))
    assert grants.admitted("secret").user == "alice"
    for wrong in ("", "Secret", "secret ", "\ud800", "x" * 10_000):
        with pytest.raises(NotAdmitted):
            grants.admitted(wrong)
    grants.forget("alice")
    with pytest.raises(NotAdmitted):
        grants.admitted("secret")
