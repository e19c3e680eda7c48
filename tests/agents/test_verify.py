"""What is said of a call follows from the marks and beeps alone."""

from __future__ import annotations

import pytest

from agents.beeps import Beep
from agents.marks import Mark
from agents.sounds import AUDIO_CLOCK
from agents.verify import BeepCount, PictureCount, lip_sync

TOTAL = 10


def counted(numbers: list[int | None], total: int = TOTAL) -> PictureCount:
    """A count of frames 40 ms apart; None is a frame without a strip."""
    count = PictureCount()
    for i, number in enumerate(numbers):
        count.see(None if number is None else Mark(number, total, 0), i * 0.04)
    return count


@pytest.mark.parametrize(
    ("numbers", "missing", "repeated", "misordered"),
    [
        ([0, 1, 2, 3], 0, 0, 0),
        ([0, 1, 3, 4], 1, 0, 0),
        ([0, 1, 1, 2], 0, 1, 0),
        ([0, 2, 1, 3], 0, 0, 1),
        ([4, 5, 6], 0, 0, 0),
        ([8, 9, 0, 1], 0, 0, 0),  # a turn of the loop
        ([8, 0, 1], 1, 0, 0),  # its last frame lost
        ([9, 1], 1, 0, 0),  # its first frame lost
        ([0, 1, 2, 1, 2, 3], 0, 2, 0),  # a piece twice
    ],
)
def test_loss_repeats_and_order_are_told_apart(
    numbers: list[int | None], missing: int, repeated: int, misordered: int
) -> None:
    count = counted(numbers)
    assert (count.missing, count.repeated, count.misordered) == (missing, repeated, misordered)
    assert count.frames == len(numbers)
    assert count.distinct == len(numbers) - repeated


def test_many_turns_of_a_loop_are_one_sequence() -> None:
    count = counted([i % TOTAL for i in range(1000)])
    assert (count.missing, count.repeated, count.distinct) == (0, 0, 1000)


def test_frames_without_a_strip_are_counted_and_nothing_is_said_of_their_order() -> None:
    count = counted([None, None, None])
    assert (count.frames, count.marked, count.first_number) == (3, 0, None)


def test_the_wait_before_the_clip_is_no_gap_in_it() -> None:
    count = PictureCount()
    count.see(None, 0.0)
    count.see(None, 5.0)
    for i in range(3):
        count.see(Mark(i, TOTAL, 0), 6.0 + i * 0.04)
    assert count.first_at == 0.0
    assert count.longest_gap_s == pytest.approx(0.04)


def beeps_at(*heard: tuple[int, float]) -> BeepCount:
    count = BeepCount()
    for index, second in heard:
        count.see(Beep(index, round(second * AUDIO_CLOCK)))
    return count


def test_a_lost_beep_is_a_second_without_one() -> None:
    count = beeps_at((1, 1), (2, 2.001), (4, 4))
    assert (count.beeps, count.missing, count.repeated) == (3, 1, 0)


def test_a_beep_heard_twice_is_a_repeat() -> None:
    count = beeps_at((1, 1), (1, 1.5))
    assert (count.missing, count.repeated) == (0, 1)


def test_beeps_go_on_through_a_loop() -> None:
    assert beeps_at((23, 23), (24, 24), (1, 25), (2, 26)).missing == 0


def test_lip_sync_pairs_each_second_with_its_own_beep() -> None:
    pictures = [(second, 100.0 + second) for second in range(1, 5)]
    sounds = [(second, 100.0 + second + late) for second, late in ((1, 0.01), (2, -0.03), (3, 0.02), (4, 0.02))]
    sync = lip_sync(pictures, sounds)
    assert sync is not None
    assert sync.pairs == 4
    assert sync.worst_ms == pytest.approx(30)
    assert sync.median_ms == pytest.approx(15)


def test_lip_sync_of_a_loop_takes_the_beep_of_the_same_turn() -> None:
    pictures = [(1, 10.0), (1, 34.0)]
    sync = lip_sync(pictures, [(1, 10.005), (1, 34.005)])
    assert sync is not None
    assert sync.worst_ms == pytest.approx(5)


def test_without_both_there_is_no_lip_sync() -> None:
    assert lip_sync([(1, 10.0)], []) is None
    assert lip_sync([(1, 10.0)], [(1, 90.0)]) is None
