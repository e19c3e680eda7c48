"""A stay is the mean of its looks over time, and remembers its worst 10 s."""

import pytest

from sfu.room.perceived import Perceived
from sfu.room.stay import Stay, StayQuality


def stay(*looks: tuple[float | None, float | None, float]) -> Stay:
    """Of (audio, video, seconds)."""
    made = Stay()
    for audio, video, seconds in looks:
        made.add(Perceived(audio, video), seconds)
    return made


def quality(made: Stay) -> StayQuality:
    assert made.quality is not None
    return made.quality


def test_nothing_to_hear_or_see_has_no_quality() -> None:
    assert stay().quality is None
    assert stay((None, None, 2.0)).quality is None
    assert stay((4.0, None, 0.0)).quality is None


def test_a_look_counts_for_as_long_as_it_stands_for() -> None:
    mean = quality(stay((4.0, None, 6.0), (2.0, None, 2.0)))
    assert (mean.score, mean.audio, mean.video, mean.seconds) == (3.5, 3.5, None, 8.0)


def test_time_in_which_there_was_nothing_does_not_count() -> None:
    assert quality(stay((4.0, None, 2.0), (None, None, 60.0))).seconds == 2.0


def test_sound_and_pictures_have_their_own_time() -> None:
    mean = quality(stay((4.0, None, 6.0), (4.0, 5.0, 2.0)))
    assert (mean.audio, mean.video) == (4.0, 5.0)
    assert mean.score == pytest.approx((4.0 * 6 + 4.5 * 2) / 8)


def test_the_worst_is_of_ten_seconds_in_a_row() -> None:
    good, bad = (4.0, None, 2.0), (1.0, None, 2.0)
    assert quality(stay(*[good] * 20, *[bad] * 5, *[good] * 20)).worst == 1.0
    assert quality(stay(*[good] * 20, *[bad] * 2, *[good] * 20)).worst == pytest.approx((2 * 1.0 + 3 * 4.0) / 5)
    assert quality(stay(*[good, bad] * 20)).worst == pytest.approx((3 * 1.0 + 2 * 4.0) / 5)


def test_of_a_shorter_stay_all_is_the_worst() -> None:
    short = quality(stay((4.0, None, 2.0), (1.0, None, 2.0)))
    assert short.worst == short.score == 2.5


def test_looks_of_any_length_are_taken() -> None:
    assert quality(stay((4.0, None, 3.0), (2.0, None, 30.0), (4.0, None, 3.0))).worst == 2.0


def test_signaling_is_told_two_digits_and_only_what_there_was() -> None:
    assert quality(stay((4.123456, None, 2.0))).wire(61.04) == {
        "score": 4.12,
        "worst": 4.12,
        "seconds": 2.0,
        "connectedSeconds": 61.0,
        "audioScore": 4.12,
    }
    assert quality(stay((4.0, 5.0, 2.0))).wire(2.0)["videoScore"] == 5.0
