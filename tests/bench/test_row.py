"""A row tells whether its bar is held, and the row of a whole whether all its parts' are."""

from __future__ import annotations

import pytest

from tests.bench.row import at_least, at_most, none_of, told, unmeasured, unshown, whole


@pytest.mark.parametrize(("value", "most", "least"), [(9.9, True, False), (10.0, True, True), (10.1, False, True)])
def test_a_bar_is_held_from_either_side_and_exactly(value: float, most: bool, least: bool) -> None:
    assert at_most("a", "", value, "us", bar=10.0).holds is most
    assert at_least("a", "", value, "/s", bar=10.0).holds is least


def test_the_share_of_a_bar_is_above_one_where_it_is_not_held() -> None:
    assert at_most("a", "", 15.0, "us", bar=10.0).share_of_bar == 1.5
    assert at_least("a", "", 15.0, "/s", bar=10.0).share_of_bar == pytest.approx(2 / 3)
    assert at_least("a", "", 0.0, "/s", bar=10.0).share_of_bar == float("inf")
    assert none_of("a", "", 0).share_of_bar == 0.0
    assert none_of("a", "", 1).share_of_bar == float("inf")
    assert told("a", "", 3.0, "s").share_of_bar is None


def test_a_whole_holds_if_all_its_parts_do_and_shows_the_worst() -> None:
    good, better = at_most("d.p99", "", 9.0, "ms", bar=10.0), at_most("d.p50", "", 1.0, "ms", bar=10.0)
    row = whole("d", "delay", [good, told("d.max", "", 99.0, "ms"), better])
    assert (row.value, row.holds, row.bar) == (0.9, True, 1.0)
    bad = at_least("d.rate", "", 5.0, "/s", bar=10.0)
    row = whole("d", "delay", [good, bad])
    assert (row.value, row.holds) == (2.0, False)


def test_what_was_not_measured_is_not_shown_to_hold() -> None:
    missing = unmeasured("d.p50", "", "janus is not installed")
    assert missing.holds is False
    row = whole("d", "delay", [at_most("d.p99", "", 9.0, "ms", bar=10.0), missing])
    assert (row.value, row.holds) == (None, False)
    assert "d.p50" in row.how


def test_a_figure_without_its_peer_is_kept_and_does_not_hold() -> None:
    row = unshown(at_most("cpu", "", 1.0, "us", bar=10.0, how="once"), "no peer")
    assert (row.value, row.holds, row.how) == (1.0, False, "once; no peer")
