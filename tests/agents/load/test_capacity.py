"""The search for the largest load that holds: doubling, then halving the gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.load.capacity import FINE, CapacitySearch


def searched(first: int, most: int, border: int) -> tuple[int, list[int]]:
    """What is found of a server that carries up to `border`, and the loads that were tried."""
    search = CapacitySearch(first, most)
    tried = []
    while (load := search.next) is not None:
        tried.append(load)
        search.note(load, held=load <= border)
        assert len(tried) < 100
    return search.largest, tried


def test_it_doubles_until_a_load_does_not_hold_and_then_halves_the_gap() -> None:
    assert searched(1, 1_000, 11) == (11, [1, 2, 4, 8, 16, 12, 10, 11])


def test_a_first_load_that_does_not_hold_is_halved() -> None:
    assert searched(8, 100, 3) == (3, [8, 4, 2, 3])


def test_a_server_that_carries_nothing_is_found_to_carry_nothing() -> None:
    assert searched(8, 100, 0) == (0, [8, 4, 2, 1])


def test_it_never_goes_beyond_the_most() -> None:
    assert searched(3, 10, 1_000) == (10, [3, 6, 10])
    assert searched(30, 10, 1_000) == (10, [10])


@pytest.mark.parametrize("first", [1, 7, 100])
def test_a_large_border_is_found_to_a_sixteenth(first: int) -> None:
    largest, _ = searched(first, 100_000, 1_234)
    assert 1_234 - 1_234 // FINE <= largest <= 1_234


@given(st.integers(1, 500), st.integers(1, 5_000), st.integers(0, 6_000))
def test_what_is_found_held_and_the_border_is_near(first: int, most: int, border: int) -> None:
    largest, tried = searched(first, most, border)
    assert largest <= min(border, most)
    assert largest == max([load for load in tried if load <= border], default=0)
    assert min(border, most) - largest <= max(1, largest // FINE)
    assert len(set(tried)) == len(tried)
