"""Counts in buckets, added up and taken apart."""

from __future__ import annotations

import pytest

from agents.load.distribution import Distribution, quantile


class Histogram:
    """A histogram of the core, as far as it is read."""

    def __init__(self, *buckets: tuple[float, int]) -> None:
        self._buckets = list(buckets)

    def buckets(self) -> list[tuple[float, int]]:
        return self._buckets


def test_histograms_of_several_engines_are_one() -> None:
    both = Distribution.of([Histogram((1.0, 2), (4.0, 1)), Histogram((2.0, 3), (4.0, 1))])
    assert both.counts == ((1.0, 2), (2.0, 3), (4.0, 2))
    assert (both.samples, both.maximum) == (7, 4.0)


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 1.0), (0.51, 2.0), (0.99, 2.0), (0.991, 9.0), (1.0, 9.0)]
)
def test_a_quantile_is_what_that_share_does_not_exceed(share: float, value: float) -> None:
    assert Distribution(((1.0, 50), (2.0, 49), (9.0, 1))).quantile(share) == value


def test_what_came_since_an_earlier_state_is_the_difference() -> None:
    before = Distribution(((1.0, 2), (2.0, 5)))
    after = Distribution(((1.0, 2), (2.0, 6), (3.0, 1)))
    assert after.since(before).counts == ((2.0, 1), (3.0, 1))


def test_nothing_has_no_quantile() -> None:
    assert Distribution().quantile(0.99) == Distribution().maximum == quantile([], 0.5) == 0.0


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 2.0), (0.75, 3.0), (0.76, 4.0), (0.95, 4.0), (1.0, 4.0)]
)
def test_plain_values_have_the_nearest_rank(share: float, value: float) -> None:
    assert quantile([4.0, 2.0, 1.0, 3.0], share) == value
