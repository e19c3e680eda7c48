"""What a peer has heard and seen: its seats against what their sources send."""

from collections.abc import Mapping

import pytest

from sfu.room.effects import TrackKey
from sfu.room.grants import Rights
from sfu.room.members import Member
from sfu.room.perceived import DEVICES_MS, Perceived, Published, Viewer
from sfu.room.score import audio_score
from sfu.room.stalls import STALLED_S
from sfu.sdp.agreement import SeatMids
from tests.support.numbers import LayerOf, PeerOf, SenderOf

SOUND, PICTURE = ("bob", "0"), ("bob", "1")
SIMULCAST = [LayerOf(rid="l", kbps=150), LayerOf(rid="m", kbps=500), LayerOf(rid="h", kbps=1_500)]


def published(
    layers: list[LayerOf],
    *,
    frozen_s: tuple[float, ...] = (),
    rtt_ms: float = 0.0,
    is_on: bool = True,
    silent_s: float = 0.0,
) -> Published:
    return Published(layers, frozen_s or tuple(0.0 for _ in layers), rtt_ms, is_on, silent_s)


def seen(
    sender: SenderOf,
    picture: Published | None = None,
    *,
    peer: PeerOf | None = None,
    others: Mapping[TrackKey, Published] | None = None,
    lines: int | None = None,
) -> Perceived:
    """What somebody with one seat, which shows Bob, has had in the last 2 s."""
    member = Member("alice", "alice", Rights())
    member.seats = {0: SeatMids("2", "3")}
    member.shown = {"2": SOUND, "3": PICTURE}
    member.viewed = {"3": (lines, 100)}
    tracks = dict(others or {}) | ({PICTURE: picture} if picture else {})
    return Viewer(member, peer or PeerOf(), {sender.mid: sender}).perceived(tracks, 2.0)


def test_sound_that_comes_is_rated_by_its_loss_and_the_whole_way_from_mouth_to_ear() -> None:
    sender = SenderOf(mid="2", kbps=32, fraction_lost=0.03, jitter_ms=10)
    there = {SOUND: published([LayerOf()], rtt_ms=60)}
    heard = seen(sender, peer=PeerOf(rtt_ms=40), others=there)
    assert heard.audio == audio_score(loss=0.03, delay_ms=50 + 20 + DEVICES_MS)
    assert heard.video is None


def test_silence_is_not_rated() -> None:
    assert seen(SenderOf(mid="2", kbps=0)) == Perceived(None, None)
    assert seen(SenderOf(mid="2", kbps=0)).score is None


def test_sound_whose_source_has_stalled_is_all_lost() -> None:
    def heard(silent_s: float, kbps: float) -> float | None:
        return seen(SenderOf(mid="2", kbps=kbps), others={SOUND: published([LayerOf()], silent_s=silent_s)}).audio

    assert heard(STALLED_S, 0) == audio_score(loss=1.0, delay_ms=DEVICES_MS)
    assert heard(STALLED_S, 32) == audio_score(loss=1.0, delay_ms=DEVICES_MS)
    assert heard(STALLED_S - 0.1, 0) is None


@pytest.mark.parametrize("sender", [SenderOf(), SenderOf(layer=None), SenderOf(paused=True, layer=None)])
def test_pictures_of_a_source_that_is_muted_or_not_there_are_not_missed(sender: SenderOf) -> None:
    assert seen(sender, published([LayerOf(active=False)], is_on=False)).video is None
    assert seen(sender).video is None


@pytest.mark.parametrize("sender", [SenderOf(), SenderOf(layer=None)])
def test_pictures_of_a_source_that_has_stalled_stand_still_for_whoever_looks(sender: SenderOf) -> None:
    stalled = published([LayerOf(active=False)], silent_s=STALLED_S)
    assert (seen(sender, stalled).video, seen(sender, stalled, lines=180).video) == (1.0, 1.0)
    assert seen(sender, stalled, lines=0).video is None


@pytest.mark.parametrize(
    ("sender", "frozen_s", "score"),
    [
        (SenderOf(), 0.0, 5.0),
        (SenderOf(), 0.25, 4.0),
        (SenderOf(), 0.5, 3.0),
        (SenderOf(), 9.0, 1.0),
        (SenderOf(paused=True), 0.0, 1.0),
        (SenderOf(paused=True, layer=None), 0.0, 1.0),
        (SenderOf(fraction_lost=0.1), 0.0, 4.0),
    ],
)
def test_pictures_that_stand_still_cost_their_share_of_the_time(
    sender: SenderOf, frozen_s: float, score: float
) -> None:
    assert seen(sender, published([LayerOf()], frozen_s=(frozen_s,))).video == pytest.approx(score)


def test_a_seat_that_the_path_does_not_carry_is_missed_though_the_publisher_has_stopped_for_want_of_viewers() -> None:
    asleep = published([LayerOf(active=False, taken=False)])
    assert seen(SenderOf(paused=True, layer=None), asleep).video == 1.0


def test_a_seat_that_is_hidden_or_waits_for_its_first_keyframe_is_not_rated() -> None:
    assert seen(SenderOf(layer=None), published([LayerOf()])).video is None


def test_a_freeze_of_another_layer_is_not_seen() -> None:
    assert seen(SenderOf(layer=1), published(SIMULCAST[:2], frozen_s=(1.5, 0.0))).video == 5.0


@pytest.mark.parametrize(
    ("sender", "estimate", "score"),
    [
        (SenderOf(layer=2), 1_000.0, 5.0),
        (SenderOf(layer=1), 1_500.0, 4.5),  # the next one would take 1,000 more, and 500 are there
        (SenderOf(layer=0), 1_100.0, 4.0),
        (SenderOf(layer=0), 1_400.0, 5.0),  # there is room for the next one: it is wanted small
        (SenderOf(layer=0), None, 5.0),  # nobody knows better
        (SenderOf(layer=2, temporal=1), 9_000.0, 4.75),
        (SenderOf(layer=7), 0.0, 5.0),
    ],
)
def test_a_low_layer_counts_where_the_path_has_no_room_for_the_next_one(
    sender: SenderOf, estimate: float | None, score: float
) -> None:
    peer = PeerOf(estimate_kbps=estimate, sending_kbps=1_000)
    assert seen(sender, published(SIMULCAST), peer=peer).video == pytest.approx(score)


@pytest.mark.parametrize(
    ("spatial", "estimate", "score"),
    [
        (None, 1_000.0, 5.0),  # all of the stream
        (2, 1_000.0, 5.0),
        (1, 1_999.0, 4.5),
        (1, 2_000.0, 5.0),  # there is room for the 1,000 more: it is wanted small
        (0, 1_349.0, 4.0),
        (0, 1_350.0, 5.0),
        (0, None, 5.0),
    ],
)
def test_a_low_spatial_layer_counts_as_a_low_layer_does(
    spatial: int | None, estimate: float | None, score: float
) -> None:
    picture = published([LayerOf(kbps=1_500, spatial_kbps=(150, 500, 1_500))])
    peer = PeerOf(estimate_kbps=estimate, sending_kbps=1_000)
    assert seen(SenderOf(spatial=spatial), picture, peer=peer).video == pytest.approx(score)


def test_spatial_layers_that_a_stream_does_not_have_are_not_missed() -> None:
    picture = published([LayerOf(kbps=500, spatial_kbps=(150, 500, 500))])
    low, high = (seen(SenderOf(spatial=spatial), picture, peer=PeerOf(estimate_kbps=0)).video for spatial in (0, 1))
    assert (low, high) == (4.5, 5.0)


def test_layers_that_are_not_sent_are_not_missed() -> None:
    layers = [LayerOf(kbps=150), LayerOf(active=False, kbps=0)]
    assert seen(SenderOf(layer=0), published(layers), peer=PeerOf(estimate_kbps=100)).video == 5.0


def test_several_seats_count_alike() -> None:
    member = Member("alice", "alice", Rights())
    member.seats = {0: SeatMids("2", "3"), 1: SeatMids(None, "5")}
    member.shown = {"3": PICTURE, "5": PICTURE}
    senders = {"3": SenderOf(mid="3"), "5": SenderOf(mid="5", paused=True)}
    viewer = Viewer(member, PeerOf(), senders)
    assert [sender.mid for sender in viewer.pictures()] == ["3", "5"]
    assert viewer.perceived({PICTURE: published([LayerOf()])}, 2.0).video == pytest.approx(3.0)
