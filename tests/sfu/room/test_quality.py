"""Quality follows loss, delay and silence, and is told when it changes."""

from collections.abc import Sequence

import pytest

from sfu.room.quality import LOST_S, QualityMeter, Sample


def sample(
    packets: int = 0, lost: int = 0, *, silences: Sequence[float] = (0.0,), loss: float = 0.0, rtt: float = 20.0
) -> Sample:
    """One peer's counters."""
    return Sample(packets, lost, silences, loss, rtt)


@pytest.mark.parametrize(
    ("after", "quality"),
    [
        (sample(1000, 0), "good"),
        (sample(1000, 30), "fair"),
        (sample(1000, 100), "poor"),
        (sample(1000, 0, loss=0.05), "fair"),
        (sample(1000, 0, rtt=700.0), "poor"),
    ],
)
def test_loss_and_delay_are_graded(after: Sample, quality: str) -> None:
    meter = QualityMeter()
    meter.update({"a": sample()})
    told = meter.update({"a": after}) or {"a": "good"}
    assert told == {"a": quality}


@pytest.mark.parametrize(
    ("silences", "quality"),
    [
        ((), "good"),
        ((LOST_S - 0.1,), "good"),
        ((LOST_S,), "lost"),
        ((0.0, LOST_S), "poor"),
        ((LOST_S, LOST_S - 0.1), "poor"),
        ((LOST_S, 60.0), "lost"),
    ],
)
def test_a_publisher_of_whom_nothing_comes_is_lost_and_one_of_whom_a_part_comes_is_poor(
    silences: Sequence[float], quality: str
) -> None:
    meter = QualityMeter()
    meter.update({"a": sample()})
    told = meter.update({"a": sample(silences=silences)}) or {"a": "good"}
    assert told == {"a": quality}


def test_what_is_known_of_one_who_has_left_is_forgotten() -> None:
    meter = QualityMeter()
    meter.update({"a": sample(1_000, 0)})
    assert meter.update({}) == {}
    assert meter.update({"a": sample(2_000, 500)}) == {"a": "good"}


def test_the_same_is_not_told_again() -> None:
    meter = QualityMeter()
    assert meter.update({"a": sample()}) == {"a": "good"}
    assert meter.update({"a": sample(100)}) is None
