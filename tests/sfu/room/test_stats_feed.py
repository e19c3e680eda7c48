"""Who asked is told of his own media, as often as he asked."""

from typing import Any

from sfu.room.grants import Rights
from sfu.room.members import Member
from sfu.room.stats_feed import StatsFeed
from sfu.room.tracks import Track
from sfu.sdp.agreement import SeatMids
from tests.support.numbers import LayerOf, PeerOf, SenderOf, TrackOf


def member() -> Member:
    """Publishes a camera, and has a seat with both m-lines and one for a picture only."""
    made = Member("p", "alice", Rights())
    made.tracks = {"1": Track("p", "alice", "1", "video", "camera")}
    made.seats = {0: SeatMids("2", "3"), 1: SeatMids(None, "5")}
    return made


def test_it_is_told_at_once_and_then_every_so_often() -> None:
    feed = StatsFeed(every_s=4)
    assert [now for now in range(0, 20, 2) if feed.is_due(float(now))] == [0, 4, 8, 12, 16]
    assert feed.is_due(1_000.0)
    assert not feed.is_due(1_003.9)


def test_everything_of_ones_own_is_told() -> None:
    low = LayerOf(rid="l", kbps=150.04, height=180)
    high = LayerOf(rid="h", kbps=900, height=None, taken=False, freezes=2)
    numbers = PeerOf(
        rtt_ms=50.26,
        estimate_kbps=2_000,
        sending_kbps=640.5,
        queue_ms=7,
        tracks=[TrackOf(mid="1", packets=970, lost=30, jitter_ms=3.46, layers=[low, high]), TrackOf(mid="gone")],
        senders=[
            SenderOf(mid="2", kbps=32, fraction_lost=0.0312555, jitter_ms=4.04, nacks_received=3, retransmitted=2),
            SenderOf(mid="3", layer=1, temporal=0, spatial=2, switches=5),
        ],
    )
    assert StatsFeed(2).told(member(), numbers) == {
        "rttMs": 50.3,
        "estimateKbps": 2_000,
        "sendingKbps": 640.5,
        "queueMs": 7,
        "tracks": {
            "p:1": {
                "kbps": 1_050.0,
                "loss": 0.03,
                "jitterMs": 3.5,
                "freezes": 2,
                "layers": [
                    {"rid": "l", "kbps": 150.0, "height": 180, "active": True, "taken": True},
                    {"rid": "h", "kbps": 900, "height": None, "active": True, "taken": False},
                ],
            }
        },
        "seats": {
            "0": {
                "audio": {"kbps": 32, "loss": 0.0313, "jitterMs": 4.0, "nacks": 3, "retransmitted": 2},
                "video": {
                    "kbps": 500.0,
                    "loss": 0.0,
                    "jitterMs": 0.0,
                    "nacks": 0,
                    "retransmitted": 0,
                    "layer": 1,
                    "temporal": 0,
                    "spatial": 2,
                    "paused": False,
                    "switches": 5,
                },
            },
            "1": {"audio": None, "video": None},
        },
    }


def test_what_is_not_known_is_told_as_null() -> None:
    told: dict[str, Any] = StatsFeed(2).told(member(), PeerOf(rtt_ms=None))
    assert (told["rttMs"], told["estimateKbps"], told["tracks"]) == (None, None, {})


def test_loss_of_a_track_is_that_since_it_was_told_last() -> None:
    feed, alice = StatsFeed(2), member()
    counted = [(100, 0), (180, 20), (280, 20), (280, 20), (0, 0)]
    told: list[Any] = [
        feed.told(alice, PeerOf(tracks=[TrackOf(mid="1", packets=packets, lost=lost)])) for packets, lost in counted
    ]
    assert [each["tracks"]["p:1"]["loss"] for each in told] == [0.0, 0.2, 0.0, 0.0, 0.0]
