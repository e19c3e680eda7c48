"""Quality follows loss, delay and silence, and is told when it changes."""

import pytest

from sfu.room.quality import LOST_S, QualityMeter, Sample


def sample(packets: int = 0, lost: int = 0, *, sends: bool = True, loss: float = 0.0, rtt: float = 20.0) -> Sample:
    """One peer's counters."""
    return Sample(packets, lost, sends, loss, rtt)


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
    meter.update({"a": sample()}, now=0.0)
    told = meter.update({"a": after}, now=2.0) or {"a": "good"}
    assert told == {"a": quality}


def test_a_publisher_that_falls_silent_is_lost_and_one_that_sends_nothing_is_not() -> None:
    meter = QualityMeter()
    meter.update({"a": sample(10), "b": sample(sends=False)}, now=0.0)
    told = meter.update({"a": sample(10), "b": sample(sends=False)}, now=LOST_S)
    assert told == {"a": "lost", "b": "good"}


def test_the_same_is_not_told_again() -> None:
    meter = QualityMeter()
    assert meter.update({"a": sample()}, now=0.0) == {"a": "good"}
    assert meter.update({"a": sample(100)}, now=2.0) is None
