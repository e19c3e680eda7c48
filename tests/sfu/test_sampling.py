"""One look after the other: rooms, stays, those who asked, and the metrics get what is theirs."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sfu.media import Kind
from sfu.metrics import NodeMetrics
from sfu.room.effects import Tell
from sfu.room.grants import Grant, Rights
from sfu.room.room import Room, TrackLabel
from sfu.room.stats_feed import StatsFeed
from sfu.room.stay import Stay, StayQuality
from sfu.sampling import Sampling
from sfu.sdp.agreement import SeatMids
from tests.support.numbers import LayerOf, PeerOf, SenderOf, TrackOf

MORE = itertools.count(1_000, 100)
CAMERA: list[tuple[str, Kind]] = [("0", "audio"), ("1", "video")]


class Counting:
    """The counters of a core."""

    def counters(self) -> dict[str, int]:
        return {"nacks_in": 7, "retransmitted": 5, "octets_in": 300, "octets_out": 900}


@dataclass
class Someone:
    """A session, as far as it is looked at."""

    stay: Stay = field(default_factory=Stay)
    stats: StatsFeed | None = None
    told: list[Any] = field(default_factory=list)

    def tell(self, event: str, data: object) -> None:
        self.told.append((event, data))


class House:
    """One room with Alice and Bob, who see each other, and what is told in it."""

    def __init__(self, active: Sequence[str] = ("0", "1")) -> None:
        self.metrics = NodeMetrics(Counting())
        self.sampling = Sampling(self.metrics)
        self.sessions = {"alice": Someone(), "bob": Someone()}
        self.qualities: list[Tell] = []
        self.now = 100.0
        self._room = Room("r", record={}, participants_limit=9, bitrate=1_000)
        for peer in self.sessions:
            self._room.grants.put(Grant(peer, 1, "0" * 64, Rights()))
            self._room.enter(peer, peer)
            self._room.negotiate(peer, seats={0: SeatMids("2", "3")}, tracks=CAMERA)
            self._room.connect(peer)
            for mid in active:
                self._room.track_active(peer, mid)
        self.settle("r")

    def room(self, room: str) -> Room | None:
        return self._room if room == "r" else None

    def settle(self, room: str) -> None:
        assert room == "r"
        self.qualities += [e for e in self._room.effects() if isinstance(e, Tell) and e.event == "quality"]

    def look(self, after_s: float = 2.0, **peers: PeerOf) -> None:
        self.now += after_s
        self.sampling.look(self, {"r": peers, "gone": {"carol": PeerOf()}}, self.sessions, self.now)

    def mute(self, name: str, *mids: str) -> None:
        """Somebody says that he does."""
        self._room.label(name, {mid: TrackLabel(muted=True) for mid in mids})

    def share(self, name: str) -> None:
        """A microphone and a camera turn out to be a screen's, and are shown as such."""
        self._room.label(name, {"0": TrackLabel(source="screen-audio"), "1": TrackLabel(source="screen")})

    def quality(self, name: str) -> StayQuality | None:
        """Of somebody's stay so far."""
        return self.sessions[name].stay.quality

    def scored(self, name: str) -> StayQuality:
        """The same, of somebody who has one."""
        quality = self.quality(name)
        assert quality is not None
        return quality

    def metric(self, name: str) -> float:
        lines = self.metrics.text().decode().splitlines()
        (line,) = [line for line in lines if line.startswith(f"tertulia_node_{name} ")]
        return float(line.split()[-1])


def peer(packets: int | None = None, *, picture: LayerOf | None = None, **sender: Any) -> PeerOf:  # noqa: ANN401
    """One who publishes a camera, of which more has come each time, and sees another."""
    track = TrackOf(mid="1", packets=next(MORE) if packets is None else packets, layers=[picture or LayerOf()])
    return PeerOf(rtt_ms=40.0, estimate_kbps=900, tracks=[track], senders=[SenderOf(mid="3", **sender)])


def test_a_room_is_told_of_loss_once() -> None:
    house = House()
    house.look(alice=peer(100), bob=peer(100))
    assert [tell.data for tell in house.qualities] == [{"alice": "good", "bob": "good"}] * 2
    house.qualities.clear()
    house.look(alice=peer(200), bob=peer(200, fraction_lost=0.05))
    assert {(tell.peer, str(tell.data)) for tell in house.qualities} == {
        ("alice", "{'alice': 'good', 'bob': 'fair'}"),
        ("bob", "{'alice': 'good', 'bob': 'fair'}"),
    }
    house.qualities.clear()
    house.look(alice=peer(300), bob=peer(300, fraction_lost=0.05))
    assert house.qualities == []
    room = house.room("r")
    assert room is not None
    assert room.rated == {"bob": "fair"}


def test_a_stay_is_scored_from_the_second_look_on() -> None:
    house = House()
    house.look(alice=peer(), bob=peer())
    assert house.quality("alice") is None
    house.look(alice=peer(), bob=peer(paused=True))
    alice, bob = house.scored("alice"), house.scored("bob")
    assert (alice.score, alice.seconds, bob.score) == (5.0, 2.0, 1.0)


def test_a_freeze_of_a_publisher_is_one_for_who_sees_him() -> None:
    house = House()
    house.look(alice=peer(picture=LayerOf(freezes=7, frozen_ms=9_000)), bob=peer())
    house.look(alice=peer(picture=LayerOf(freezes=8, frozen_ms=9_500)), bob=peer())
    assert (house.scored("alice").score, house.scored("bob").score) == (5.0, 3.0)
    assert house.metric("freezes_total") == 1


def test_a_freeze_that_has_not_ended_costs_who_sees_it_what_it_has_lasted() -> None:
    house = House()
    house.look(alice=peer(), bob=peer())
    house.look(4.0, alice=peer(picture=LayerOf(standing_ms=2_000)), bob=peer())
    assert house.scored("bob").score == 1.0
    house.look(alice=peer(picture=LayerOf(freezes=1, frozen_ms=2_250)), bob=peer())
    assert house.scored("bob").score == pytest.approx((4 * 1.0 + 2 * 4.0) / 6)


def pair(camera: int, voice: int, **picture: Any) -> PeerOf:  # noqa: ANN401
    """One of whose camera and microphone so many packets have come."""
    tracks = [
        TrackOf(mid="0", packets=voice, layers=[LayerOf()]),
        TrackOf(mid="1", packets=camera, layers=[LayerOf(**picture)]),
    ]
    return PeerOf(tracks=tracks, senders=[SenderOf(mid="2"), SenderOf(mid="3")])


def test_a_camera_that_stalls_while_the_voice_goes_on_is_told_of_and_costs_who_sees_it() -> None:
    house = House()
    for voice in (100, 200, 300, 400):
        house.look(alice=pair(50, voice), bob=pair(voice, voice))
    assert house.qualities[-1].data == {"alice": "poor", "bob": "good"}
    alice, bob = house.scored("alice"), house.scored("bob")
    assert (alice.video, bob.video) == (5.0, 1.0)
    assert bob.audio == alice.audio


def test_one_of_whom_nothing_comes_is_lost_and_not_heard() -> None:
    house = House()
    for packets in (100, 200, 300, 400):
        house.look(alice=pair(50, 50), bob=pair(packets, packets))
    assert house.qualities[-1].data == {"alice": "lost", "bob": "good"}
    assert house.scored("bob").audio == pytest.approx(1.0, abs=0.1)
    assert house.scored("bob").video == 1.0


def test_who_mutes_what_does_not_come_is_not_lost() -> None:
    house = House()
    house.mute("alice", "0", "1")
    for packets in (100, 200, 300, 400):
        house.look(alice=pair(50, 50), bob=pair(packets, packets))
    assert [tell.data for tell in house.qualities] == [{"alice": "good", "bob": "good"}] * 2
    assert house.scored("bob").video is None


def test_a_microphone_of_which_nothing_has_come_yet_is_not_missed() -> None:
    house = House(active=["1"])
    for packets in (100, 200, 300, 400):
        house.look(alice=pair(packets, 0), bob=pair(packets, 0))
    assert [tell.data for tell in house.qualities] == [{"alice": "good", "bob": "good"}] * 2


def test_what_nobody_is_shown_is_not_missed() -> None:
    house = House()
    for packets in (100, 200, 300, 400):
        house.look(alice=pair(50, packets, taken=False, active=False), bob=pair(packets, packets))
    assert [tell.data for tell in house.qualities] == [{"alice": "good", "bob": "good"}] * 2


@pytest.mark.parametrize(("silent_ms", "quality"), [(300.0, "good"), (6_000.0, "lost")])
def test_a_screen_on_which_nothing_moves_and_that_plays_nothing_is_lost_only_with_its_publisher(
    silent_ms: float, quality: str
) -> None:
    house = House()
    house.share("alice")
    for packets in (100, 200, 300, 400):
        alice = replace(pair(50, 50, standing_ms=60_000.0), silent_ms=silent_ms)
        house.look(alice=alice, bob=pair(packets, packets))
    assert house.qualities[-1].data == {"alice": quality, "bob": "good"}
    assert house.scored("bob").video == (5.0 if quality == "good" else 1.0)


def test_who_comes_later_is_not_scored_for_the_time_before() -> None:
    house = House()
    house.look(alice=peer())
    house.look(alice=peer(), bob=peer())
    assert house.quality("bob") is None
    house.look(alice=peer(), bob=peer())
    assert house.scored("bob").seconds == 2.0


def test_of_a_long_time_without_a_look_little_is_known() -> None:
    house = House()
    house.look(alice=peer(), bob=peer())
    house.look(3_600.0, alice=peer(), bob=peer())
    assert house.scored("alice").seconds == 10.0


def test_only_who_asked_is_told() -> None:
    house = House()
    house.sessions["alice"].stats = StatsFeed(4)
    for _ in range(4):
        house.look(alice=peer(), bob=peer())
    assert [event for event, _ in house.sessions["alice"].told] == ["stats", "stats"]
    (_, told), _ = house.sessions["alice"].told
    assert (told["rttMs"], told["seats"]["0"]["video"]["layer"], list(told["tracks"])) == (40.0, 0, ["alice:1"])
    assert house.sessions["bob"].told == []


def test_the_metrics_have_what_stands_and_what_was() -> None:
    house = House()
    house.look(alice=peer(), bob=peer(paused=True, layer=None))
    house.look(alice=peer(), bob=peer(paused=True, layer=None))
    assert house.metric("peers") == 2
    assert house.metric("paused_seats") == 1
    assert house.metric('layers_shown{layer="0"}') == 1
    assert house.metric("rtt_ms_count") == 4
    assert house.metric('rtt_ms_bucket{le="20.0"}') == 0
    assert house.metric('rtt_ms_bucket{le="50.0"}') == 4
    assert house.metric("rtt_ms_sum") == 160
    assert house.metric("score_count") == 2
    assert house.metric('score_bucket{le="1.5"}') == 1
    assert house.metric('core_total{what="nacks_in"}') == 7
    house.look()
    assert house.metric("peers") == house.metric("paused_seats") == 0
    assert house.metric("rtt_ms_count") == 4


def test_the_metrics_have_what_is_sent_and_received_of_each_peer_and_of_all() -> None:
    house = House()
    two = [TrackOf(mid="0", layers=[LayerOf(kbps=40)]), TrackOf(mid="1", layers=[LayerOf(kbps=150), LayerOf(kbps=500)])]
    house.look(alice=PeerOf(sending_kbps=1_200, tracks=two), bob=PeerOf(sending_kbps=90))
    assert house.metric("sent_kbps_sum") == 1_290
    assert [house.metric(f'sent_kbps_bucket{{le="{bound}"}}') for bound in ("100.0", "800.0", "1500.0")] == [1, 1, 2]
    assert house.metric("received_kbps_sum") == 690
    assert [house.metric(f'received_kbps_bucket{{le="{bound}"}}') for bound in ("100.0", "800.0")] == [1, 2]
    assert (house.metric("received_bytes_total"), house.metric("sent_bytes_total")) == (300, 900)
    assert "octets" not in house.metrics.text().decode()


def test_a_room_has_the_figures_of_its_participants_of_the_last_look() -> None:
    house = House()
    house.look(alice=peer(100), bob=peer(100, fraction_lost=0.05, jitter_ms=9))
    room = house.room("r")
    assert room is not None
    assert {name: figures.down.loss for name, figures in room.figures.items()} == {"alice": 0.0, "bob": 0.05}
    house.look(alice=peer(100))
    assert list(room.figures) == ["alice"]
    house.look(alice=peer(100), bob=PeerOf(tracks=[TrackOf(packets=150, lost=50)]))
    assert room.figures["bob"].up.loss == 0.0  # how much of it before he was gone nobody knows
    house.look(alice=peer(100), bob=PeerOf(tracks=[TrackOf(packets=180, lost=60)]))
    assert room.figures["bob"].up.loss == 0.25


def test_a_track_that_has_other_layers_now_begins_anew() -> None:
    house = House()
    house.look(alice=peer(), bob=peer())
    other = PeerOf(tracks=[TrackOf(mid="1", packets=next(MORE), layers=[LayerOf(freezes=9)] * 3)])
    house.look(alice=peer(), bob=other)
    assert house.metric("freezes_total") == 0


class IllHouse(House):
    """One in which nothing can be carried out."""

    def settle(self, room: str) -> None:
        super().settle(room)
        if self.qualities:
            raise RuntimeError("the worker did not answer")


def test_a_room_that_cannot_be_settled_is_told_of_and_costs_nobody_his_score(caplog: pytest.LogCaptureFixture) -> None:
    house = IllHouse()
    for _ in range(2):
        house.look(alice=peer(), bob=peer())
    assert house.scored("alice").seconds == house.scored("bob").seconds == 2.0
    assert house.metric("peers") == 2
    (line,) = [record.message for record in caplog.records]
    assert line == "look_failed error=RuntimeError('the worker did not answer') at='stats' room='r'"
