"""Beeps are found whole, in order and on time in decoded sound."""

from __future__ import annotations

import numpy as np
import pytest

from agents import beeps
from agents.beeps import LENGTH, RATE, Beep, BeepReader, Samples


def seconds_of_beeps(indices: list[int]) -> Samples:
    """One second for each index, with its beep at the start."""
    sound = np.zeros(len(indices) * RATE, np.float32)
    for i, index in enumerate(indices):
        sound[i * RATE : i * RATE + LENGTH] = beeps.tone(index)
    return sound


def heard(sound: Samples, *, chunk: int = 960, start: int = 0) -> list[Beep]:
    reader = BeepReader()
    return [b for at in range(0, len(sound), chunk) for b in reader.feed(sound[at : at + chunk], start + at)]


def test_every_index_is_heard_as_itself_and_on_time() -> None:
    found = heard(seconds_of_beeps(list(range(64))))
    assert [beep.index for beep in found] == list(range(64))
    assert all(abs(beep.at - i * RATE) <= RATE // 500 for i, beep in enumerate(found))


@pytest.mark.parametrize("chunk", [1, 7, 480, 960, 48_000])
def test_the_size_of_the_pieces_does_not_matter(chunk: int) -> None:
    sound = seconds_of_beeps([5, 6])[: RATE + RATE // 4]
    assert [beep.index for beep in heard(sound, chunk=chunk)] == [5, 6]


def test_beeps_are_heard_through_noise() -> None:
    rng = np.random.default_rng(3)
    sound = seconds_of_beeps([11, 42]) + rng.normal(0, 0.01, 2 * RATE).astype(np.float32)
    assert [beep.index for beep in heard(sound)] == [11, 42]


def test_other_sound_is_no_beep() -> None:
    t = np.arange(RATE) / RATE
    voice = (0.3 * np.sin(2 * np.pi * 220 * t) + 0.2 * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.3, RATE).astype(np.float32)
    assert heard(voice) == []
    assert heard(noise) == []
    assert heard(np.zeros(RATE, np.float32)) == []


def test_a_jump_of_the_timestamps_is_silence() -> None:
    reader = BeepReader()
    assert reader.feed(beeps.tone(9)[:1000], 0) == []
    found = reader.feed(beeps.tone(10), 90_000)
    assert [beep.index for beep in found] == [10]
    assert abs(found[0].at - 90_000) < 100


def test_what_is_held_is_bounded() -> None:
    reader = BeepReader()
    for i in range(200):
        reader.feed(np.full(960, 0.5, np.float32), i * 960)
        assert len(reader._held) < RATE // 5
