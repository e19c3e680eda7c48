"""Seats are filled with everybody while there are enough, and nobody is replaced but by one that matters now."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.room.seats import Occupant, Talk, Wish, fill

A, B, C, D = (Occupant(f"peer-{name}", name, "camera") for name in "abcd")
SCREEN = Occupant("peer-a", "a", "screen")


def test_everybody_gets_a_seat_in_order() -> None:
    assert fill({0: None, 1: None, 2: None}, [A, B], {}) == {0: A, 1: B, 2: None}


def test_whoever_sits_stays_when_others_come_and_go() -> None:
    assert fill({0: A, 1: B, 2: None}, [C, B, A], {}) == {0: A, 1: B, 2: C}
    assert fill({0: A, 1: B, 2: C}, [A, C], {}) == {0: A, 1: None, 2: C}


def test_a_free_seat_goes_to_who_had_none() -> None:
    assert fill({0: A, 1: B}, [B, C], {}) == {0: C, 1: B}


def test_with_too_few_seats_the_first_candidates_sit_and_stay() -> None:
    assert fill({0: None, 1: None}, [C, A, B], {}) == {0: C, 1: A}
    assert fill({0: A, 1: B}, [C, A, B], {}) == {0: A, 1: B}


def talk(*speakers: Occupant, leads: Occupant | None = None, kept: tuple[int, ...] = ()) -> Talk:
    """These speak, the first or another leads."""
    return Talk((leads or speakers[0]).peer, speakers, kept)


@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (talk(D), {0: A, 1: B, 2: D}),  # of who spoke longest ago
        (talk(B), {0: A, 1: B, 2: C}),  # has a seat
        (talk(D, leads=C), {0: A, 1: D, 2: C}),  # not of who leads, though he is silent
        (talk(D, C), {0: A, 1: D, 2: C}),  # not of who speaks
        (talk(D, kept=(2,)), {0: A, 1: D, 2: C}),  # not where one has just come
        (talk(D, kept=(0, 1, 2)), {0: A, 1: B, 2: C}),
        (talk(A, B, C, D), {0: A, 1: B, 2: C}),  # all others speak,
        (talk(D, A, B, C), {0: A, 1: B, 2: D}),  # but he leads
    ],
)
def test_a_speaker_without_a_seat_takes_that_of_who_spoke_longest_ago(
    talk: Talk, expected: dict[int, Occupant]
) -> None:
    assert fill({0: A, 1: B, 2: C}, [A, B, C, D], {}, talk) == expected


def test_a_speaker_does_not_take_a_seat_that_was_wished_for_nor_a_screens() -> None:
    assert fill({0: A, 1: B}, [D, A, B], {1: Wish("b")}, talk(D)) == {0: D, 1: B}
    assert fill({0: A, 1: B}, [D, A, B], {0: Wish("a"), 1: Wish("b")}, talk(D)) == {0: A, 1: B}
    assert fill({0: SCREEN, 1: B}, [SCREEN, D, A, B], {}, talk(D)) == {0: SCREEN, 1: D}
    assert fill({0: SCREEN}, [SCREEN, D], {}, talk(D)) == {0: SCREEN}


def test_a_screen_takes_the_seat_of_the_last_camera_that_nobody_asked_for() -> None:
    assert fill({0: A, 1: B, 2: C}, [SCREEN, A, B, C], {}) == {0: A, 1: B, 2: SCREEN}
    assert fill({0: A, 1: B, 2: C}, [SCREEN, A, B, C], {2: Wish("c")}) == {0: A, 1: SCREEN, 2: C}
    assert fill({0: A}, [SCREEN, A], {}, talk(A, kept=(0,))) == {0: SCREEN}
    assert fill({0: A}, [SCREEN, A], {0: Wish("a")}) == {0: A}


def test_whom_a_wish_moves_has_another_seat_before_newcomers_do() -> None:
    assert fill({0: A, 1: B}, [C, A, B], {0: Wish("b")}) == {0: B, 1: A}


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
talks = st.builds(
    Talk,
    st.sampled_from([None, "peer-a", "peer-d"]),
    st.lists(st.sampled_from([A, B, C, D]), unique=True),
    st.frozensets(st.integers(0, 5)),
)
wishes = st.dictionaries(st.integers(0, 5), st.builds(Wish, st.sampled_from(["a", "b", "z", None]), st.just("camera")))


@given(st.integers(0, 6), occupants, occupants, wishes, talks)
def test_seating_is_always_stable_complete_and_without_doubles(
    seats: int, earlier: list[Occupant], candidates: list[Occupant], wished: dict[int, Wish], talk: Talk
) -> None:
    now = fill(dict.fromkeys(range(seats)), earlier, {})
    after = fill(now, candidates, wished, talk)
    seated = [one for one in after.values() if one is not None]
    assert len(seated) == len(set(seated)) == min(seats, len(candidates))
    assert fill(after, candidates, wished, talk) == after


@given(st.integers(0, 6), occupants, occupants, talks)
def test_who_sits_is_replaced_by_none_but_a_speaker_or_a_screen(
    seats: int, earlier: list[Occupant], candidates: list[Occupant], talk: Talk
) -> None:
    now = fill(dict.fromkeys(range(seats)), earlier, {})
    after = fill(now, candidates, {}, talk)
    for seat, before in now.items():
        if before in candidates and after[seat] != before:
            assert after[seat] == SCREEN or after[seat] in talk.speakers
