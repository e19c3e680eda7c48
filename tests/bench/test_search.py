"""The largest load that holds is found in few steps, whatever a packet costs."""

from __future__ import annotations

import pytest

from tests.bench.search import Search


def searched(search: Search, capacity: float) -> list[int]:
    """Which loads are tried with a server that carries just so much."""
    tried = []
    while (load := search.next) is not None:
        tried.append(load)
        search.note(load, held=load <= capacity, busy=min(1.0, load / capacity))
    return tried


@pytest.mark.parametrize("capacity", [1, 2, 3, 7, 12, 40, 155, 160, 161, 999])
@pytest.mark.parametrize("first", [1, 10, 100])
def test_the_border_is_found_to_a_sixteenth(first: int, capacity: int) -> None:
    search = Search(first, tries=30)
    searched(search, capacity)
    assert capacity - max(1, capacity // 16) <= search.largest <= capacity


def test_a_full_core_ends_the_search() -> None:
    search = Search(10, tries=10, full=0.95)
    assert searched(search, 20.0) == [10, 20]
    assert search.largest == 20


def test_the_share_of_the_core_says_what_to_try_next_but_never_too_boldly() -> None:
    search = Search(10, tries=10)
    search.note(10, held=True, busy=0.5)
    assert search.next == 20
    search.note(20, held=True, busy=0.01)
    assert search.next == 80


def test_no_more_loads_are_tried_than_allowed_and_none_above_the_most() -> None:
    assert len(searched(Search(1, tries=3), 1_000)) == 3
    search = Search(4, tries=20, most=6)
    assert max(searched(search, 1_000)) == 6
    assert search.largest == 6


def test_a_server_that_carries_nothing_is_found_out() -> None:
    search = Search(8, tries=20)
    searched(search, 0.5)
    assert search.largest == 0
