"""What a browser's statistics say: layers apart, seats together, and the difference of two looks."""

from __future__ import annotations

from typing import Any

from tests.quality.counted import Counted, Heard


def told(at: float, sent: dict[str, int], samples: int, concealed: int, silent: int, decoded: int) -> dict[str, Any]:
    video = {"type": "inbound-rtp", "kind": "video", "framesDecoded": decoded, "bytesReceived": 1_000 * decoded}
    sound = {"totalSamplesReceived": samples, "concealedSamples": concealed, "silentConcealedSamples": silent}
    return {
        "at": at,
        "reports": [
            *(
                {"type": "outbound-rtp", "kind": "video", "rid": rid, "framesSent": count}
                for rid, count in sent.items()
            ),
            {"type": "outbound-rtp", "kind": "audio"},
            {"type": "inbound-rtp", "kind": "audio", **sound},
            video,
            video | {"pliCount": 2, "firCount": 1},
        ],
    }


def test_the_difference_of_two_looks_is_what_came_in_between() -> None:
    before = Counted.of(told(1_000, {"l": 10, "h": 10}, 48_000, 100, 100, 5))
    after = Counted.of(told(3_000, {"l": 50, "h": 40}, 144_000, 1_060, 100, 25))
    since = after.since(before)
    assert since.sent == {"l": 40, "h": 30}
    assert since.most_sent == 40
    assert since.heard.concealment == 0.01
    assert since.received.decoded == 40
    assert since.received.requests == 0
    assert since.kbps == 40_000 * 8 / 2_000


def test_a_layer_that_came_later_counts_from_its_begin() -> None:
    before, after = (Counted.of(told(0, sent, 0, 0, 0, 0)) for sent in ({"l": 10}, {"l": 20, "h": 5}))
    assert after.since(before).sent == {"l": 10, "h": 5}


def test_a_browser_that_tells_nothing_has_seen_and_heard_nothing() -> None:
    nothing = Counted.of({"at": 0, "reports": []})
    assert (nothing.most_sent, nothing.kbps, nothing.received.decoded) == (0, 0, 0)
    assert Heard().concealment == 1.0
