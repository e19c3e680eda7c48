"""What is said of pictures that were shown: pauses, sizes, and how soon something came."""

from __future__ import annotations

import pytest

from tests.quality.seen import Shown

STEADY = Shown.of([at, 540] for at in range(0, 1_001, 50))
"""20 a second."""


def test_the_edges_of_a_stretch_end_pauses_but_are_no_pictures() -> None:
    assert Shown(()).pauses_ms(0, 400) == [400]
    assert Shown.of([[100, 540]]).pauses_ms(0, 400) == [100, 300]
    assert Shown.of([[100, 540]]).longest_pause_ms(50, 120) == 50


def test_a_freeze_is_the_longest_pause() -> None:
    frozen = Shown(tuple(frame for frame in STEADY.frames if not 300 < frame[0] < 800))
    assert STEADY.longest_pause_ms(0, 1_000) == 50
    assert frozen.longest_pause_ms(0, 1_000) == 500
    assert frozen.longest_pause_ms(500, 1_000) == 300


def test_pictures_a_second_are_those_of_the_stretch() -> None:
    assert STEADY.per_s(0, 999) == pytest.approx(20, rel=0.01)
    assert STEADY.per_s(2_000, 3_000) == 0


def test_the_first_smaller_and_the_first_larger_picture_after_a_moment_are_found() -> None:
    stepped = Shown.of([[0, 540], [100, 540], [200, 270], [300, 135], [400, 540]])
    assert stepped.first_ms(50, below=540) == 200
    assert stepped.first_ms(250, from_lines=540) == 400
    assert stepped.first_ms(350, below=540) is None
    assert stepped.changes == 3
    assert (stepped.lines, Shown(()).lines) == (540, 0)
