"""How a participant's media travels, in figures, as signaling understands them."""

import msgspec
import pytest

from sfu.room.figures import MOST, Figures, FiguresMeter, Way, of_participants
from sfu.room.grants import Rights
from sfu.room.members import Member
from signaling.qss import figures as told
from tests.support.numbers import LayerOf, PeerOf, SenderOf, TrackOf

NOTHING = Way(0.0, 0.0, 0.0)


def figures(meter: FiguresMeter, numbers: PeerOf) -> Figures:
    """Of a look at one peer."""
    return meter.figures("p", numbers, ((track, track.layers) for track in numbers.tracks), numbers.senders)


def sending(packets: int, lost: int) -> PeerOf:
    """One who publishes a sound, and a picture in two layers."""
    sound = TrackOf(mid="0", packets=packets, lost=0, jitter_ms=2.4, layers=[LayerOf(kbps=40)])
    layers = [LayerOf(kbps=150), LayerOf(kbps=500)]
    return PeerOf(tracks=[sound, TrackOf(mid="1", packets=packets, lost=lost, jitter_ms=7.6, layers=layers)])


def test_what_a_peer_sends_is_summed_up_and_its_loss_is_that_since_the_last_look() -> None:
    meter = FiguresMeter()
    looks = [figures(meter, sending(*counted)).up for counted in [(100, 50), (140, 70), (190, 70), (0, 0)]]
    assert [way.loss for way in looks] == [0.0, 0.2, 0.0, 0.0]
    assert {(way.kbps, way.jitter_ms) for way in looks} == {(690, 7.6)}


def test_who_is_not_kept_begins_anew() -> None:
    meter = FiguresMeter()
    figures(meter, sending(100, 0))
    meter.keep({"p", "q"})
    assert figures(meter, sending(100, 25)).up.loss == 1.0
    meter.keep({"q"})
    assert figures(meter, sending(100, 50)).up.loss == 0.0


def test_of_what_a_peer_is_sent_the_worst_is_told() -> None:
    senders = [SenderOf(fraction_lost=0.02, jitter_ms=9), SenderOf(fraction_lost=0.05, jitter_ms=4)]
    numbers = PeerOf(rtt_ms=None, estimate_kbps=900, sending_kbps=640, senders=senders)
    assert figures(FiguresMeter(), numbers) == Figures(None, 900, NOTHING, Way(640, 0.05, 9))


def test_of_several_peers_of_a_participant_the_worst_is_told_and_the_sum_of_what_they_send_and_get() -> None:
    members = {peer: Member(peer, name, Rights()) for peer, name in [("p", "alice"), ("q", "alice"), ("r", "bob")]}
    one = Figures(40, 2_000, Way(100, 0.1, 2), Way(30, 0.0, 5))
    other = Figures(60, 900, Way(200, 0.0, 3), Way(40, 0.2, 4))
    found = of_participants(members, {"p": one, "q": other, "elsewhere": one})
    assert found == {"alice": Figures(60, 900, Way(300, 0.1, 3), Way(70, 0.2, 5))}


@pytest.mark.parametrize(("rtt_ms", "estimate_kbps"), [(None, None), (40, None), (None, 900)])
def test_what_is_not_known_of_one_peer_is_told_as_it_is_of_the_other(
    rtt_ms: float | None, estimate_kbps: float | None
) -> None:
    known, unknown = Figures(rtt_ms, estimate_kbps, NOTHING, NOTHING), Figures(None, None, NOTHING, NOTHING)
    assert known.together(unknown) == unknown.together(known) == known


def test_signaling_finds_each_figure_in_its_place() -> None:
    exact = Figures(40.4, 2_000.6, Way(100.2, 0.123456, 2.7), Way(30, 0.5, 5))
    expected = told.Figures(40, 2_001, told.Way(100, 0.1235, 3), told.Way(30, 0.5, 5))
    assert msgspec.convert(exact.wire(), told.Figures) == expected
    assert Figures(None, None, NOTHING, NOTHING).wire()[:2] == (None, None)


def test_what_a_receiver_makes_up_is_not_told_as_more_than_signaling_takes() -> None:
    absurd = Way(1e15, 1.0, 1e12)
    assert Figures(1e12, 1e15, absurd, absurd).wire() == (MOST, MOST, (MOST, 1.0, MOST), (MOST, 1.0, MOST))
