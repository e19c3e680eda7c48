"""Seats are filled with everybody while there are enough, and a change touches only what it is about."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.room.seats import Occupant, Wish, fill

A, B, C, D = (Occupant(f"peer-{name}", name, "camera") for name in "abcd")
SCREEN = Occupant("peer-a", "a", "screen")


def test_everybody_gets_a_seat_in_order() -> None:
    assert fill({0: None, 1: None, 2: None}, [A, B], {}) == {0: A, 1: B, 2: None}


def test_whoever_sits_stays_when_others_come_and_go() -> None:
    assert fill({0: A, 1: B, 2: None}, [C, B, A], {}) == {0: A, 1: B, 2: C}
    assert fill({0: A, 1: B, 2: C}, [A, C], {}) == {0: A, 1: None, 2: C}


def test_a_free_seat_goes_to_who_had_none() -> None:
    assert fill({0: A, 1: B}, [B, C], {}) == {0: C, 1: B}


def test_with_too_few_seats_the_first_candidates_sit() -> None:
    assert fill({0: A, 1: B}, [C, A, B], {}) == {0: A, 1: C}


def test_a_wish_comes_first_and_moves_only_what_it_must() -> None:
    assert fill({0: A, 1: B, 2: None}, [A, B, C], {0: Wish("c")}) == {0: C, 1: B, 2: A}
    assert fill({0: A, 1: B, 2: C}, [A, B, C], {0: Wish("b")}) == {0: B, 1: A, 2: C}


def test_a_wish_for_somebody_who_is_not_there_leaves_the_seat_to_the_node() -> None:
    assert fill({0: None, 1: None}, [A], {0: Wish("z")}) == {0: A, 1: None}


def test_a_screen_is_asked_for_by_source() -> None:
    assert fill({0: None, 1: None}, [SCREEN, A], {1: Wish("a", "screen"), 0: Wish("a")}) == {0: A, 1: SCREEN}
    assert fill({0: A, 1: None}, [A, SCREEN], {0: Wish(None, "screen")}) == {0: SCREEN, 1: A}


def test_one_occupant_never_sits_twice() -> None:
    assert fill({0: None, 1: None}, [A, B], {0: Wish("a"), 1: Wish("a")}) == {0: A, 1: B}


occupants = st.lists(st.sampled_from([A, B, C, D, SCREEN]), unique=True)
wishes = st.dictionaries(st.integers(0, 5), st.builds(Wish, st.sampled_from(["a", "b", "z", None]), st.just("camera")))


@given(st.integers(0, 6), occupants, occupants, wishes)
def test_seating_is_always_stable_complete_and_without_doubles(
    seats: int, earlier: list[Occupant], candidates: list[Occupant], wished: dict[int, Wish]
) -> None:
    now = fill(dict.fromkeys(range(seats)), earlier, {})
    after = fill(now, candidates, wished)
    seated = [one for one in after.values() if one is not None]
    assert len(seated) == len(set(seated)) == min(seats, len(candidates))
    assert fill(after, candidates, wished) == after
