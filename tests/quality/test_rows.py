"""What rows make of what was told: steps of a link, keyframe requests, who speaks and sits where."""

from __future__ import annotations

from tests.quality.idle import Idle
from tests.quality.rows.late_joiner import most_in_a_second
from tests.quality.rows.rate_step import Steps
from tests.quality.rows.speaker import first_named, first_seated
from tests.quality.rows.switches import encodings
from tests.quality.seen import Shown

LAYER = (1, "0", 2)


def test_a_step_is_timed_from_the_change_of_the_link_to_the_picture_that_shows_it() -> None:
    shown = Shown.of([[0, 540], [900, 540], [1_500, 270], [10_900, 270], [14_000, 540], [20_000, 540]])
    steps = Steps(500, 10_500, 20_500, shown, Idle())
    assert (steps.down_s, steps.up_s) == (1.0, 3.5)
    assert steps.freeze_ms == 9_400


def test_a_step_that_never_showed_counts_for_the_whole_time() -> None:
    steps = Steps(0, 10_000, 22_000, Shown.of([[5, 540], [9_000, 540], [11_000, 270]]), Idle())
    assert (steps.down_s, steps.up_s) == (10.0, 12.0)


def test_requests_are_counted_for_each_layer_within_a_second() -> None:
    other = (1, "0", 0)
    looks = [(0.0, {LAYER: 3}), (0.5, {LAYER: 4, other: 1}), (1.0, {LAYER: 5, other: 1}), (2.1, {LAYER: 9, other: 1})]
    assert most_in_a_second(looks[:2]) == 1
    assert most_in_a_second(looks[:3]) == 2
    assert most_in_a_second(looks) == 2
    assert most_in_a_second([]) == 0


def test_a_speaker_is_seen_from_the_first_word_of_him_on() -> None:
    events = [
        (1.0, "speakers", [{"participant": "ann"}]),
        (2.0, "speakers", [{"participant": "ann"}, {"participant": "bob"}]),
        (3.0, "speakers", []),
    ]
    assert first_named(events, "ann", 0.5) == 1.0
    assert first_named(events, "ann", 1.5) == 2.0
    assert first_named(events, "bob", 2.5) is None


def test_who_sits_already_is_seated_at_once() -> None:
    seated = (1.0, "seats", {"0": {"participant": "ann"}, "1": None})
    moved = (4.0, "seats", {"1": {"participant": "bob"}})
    left = (5.0, "seats", {"0": None})
    assert first_seated([seated, moved, left], "ann", 2.0) == 2.0
    assert first_seated([seated], "ann", 2.0) == 2.0
    assert first_seated([seated, moved], "bob", 2.0) == 4.0
    assert first_seated([seated, moved, left], "ann", 4.5) == 4.5
    assert first_seated([seated], "bob", 2.0) is None


def test_codecs_with_layers_of_their_own_are_told_to_send_streams() -> None:
    assert all("scalabilityMode" not in one for one in encodings("VP8"))
    assert all(one["scalabilityMode"] == "L1T1" for one in encodings("AV1"))
