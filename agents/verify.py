"""Says from decoded media alone how a call was: lost, repeated, late, out of step.

node → aiortc → seats → **verify** → `--json`

Pictures carry numbers (marks.py) and sounds carry seconds (beeps.py).  The counters below take what was read from a
frame and when; they read no clock.  Media without marks, a camera's, is counted only: `missing` and `repeated` are
None then, because nobody can know.

Lip-sync is measured as a player would see it.  The frame that shows second *s* and the beep of second *s* each have
an RTP timestamp; the sender reports turn both into wall-clock moments (tap.py); their difference is the error.
"""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import av
import numpy as np

from agents import beeps, marks
from agents.beeps import Beep, BeepReader
from agents.marks import Mark
from agents.sounds import AUDIO_CLOCK
from agents.tap import Tap

REMEMBERED: Final = 512
"""Frames back within which a late or repeated one is told from another turn of the loop."""
MOMENTS_KEPT: Final = 600
"""Whole seconds kept for lip-sync: ten minutes."""
PAIRED_WITHIN_S: Final = 5.0
"""A beep this far from its frame belongs to another turn of the loop."""


@dataclass(slots=True)
class PictureCount:
    """The frames of one participant."""

    frames: int = 0
    marked: int = 0
    missing: int = 0
    repeated: int = 0
    misordered: int = 0
    first_number: int | None = None
    first_at: float | None = None
    """Loop time of the first frame of all, marked or not."""
    longest_gap_s: float = 0.0
    """Between marked frames; between any, as long as none is marked."""
    _last_at: float | None = None
    _highest: int = -1
    _recent: deque[int] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def see(self, mark: Mark | None, at: float) -> None:
        """Note one decoded frame, read as `mark`, decoded at loop time `at`."""
        self.frames += 1
        if self.first_at is None:
            self.first_at = at
        if mark is not None:
            self._see_mark(mark, at)
        elif self.marked == 0:
            self._see_gap(at)

    def _see_mark(self, mark: Mark, at: float) -> None:
        if self.marked == 0:
            self.first_number, self.longest_gap_s, self._last_at = mark.number, 0.0, None
            self._highest = mark.number - 1
        self.marked += 1
        self._see_gap(at)
        number = self._unwrap(mark)
        if number > self._highest:
            self.missing += number - self._highest - 1
            self._highest = number
        elif number in self._recent:
            self.repeated += 1
            return
        else:
            self.misordered += 1
            self.missing = max(0, self.missing - 1)
        self._recent.append(number)

    def _unwrap(self, mark: Mark) -> int:
        """The number counted on through the loop's turns: the one nearest to what should come next."""
        turn = round((self._highest + 1 - mark.number) / mark.total)
        return max(turn, 0) * mark.total + mark.number

    def _see_gap(self, at: float) -> None:
        if self._last_at is not None:
            self.longest_gap_s = max(self.longest_gap_s, at - self._last_at)
        self._last_at = at

    @property
    def distinct(self) -> int:
        """Numbered frames seen, each counted once."""
        return self.marked - self.repeated


@dataclass(slots=True)
class BeepCount:
    """The beeps of one participant."""

    beeps: int = 0
    missing: int = 0
    repeated: int = 0
    _last: Beep | None = None

    def see(self, beep: Beep) -> None:
        """Note one beep; its time is in samples."""
        self.beeps += 1
        last, self._last = self._last, beep
        if last is None:
            return
        seconds = round((beep.at - last.at) / AUDIO_CLOCK)
        self.missing += max(0, seconds - 1)
        self.repeated += beep.index == last.index and seconds < beeps.COUNT


@dataclass(frozen=True, slots=True)
class LipSync:
    """How far the sound is from the picture, over all seconds that both carried."""

    pairs: int
    worst_ms: float
    """Largest distance, either way."""
    median_ms: float
    """Above 0: the sound is late."""


def lip_sync(pictures: list[tuple[int, float]], sounds: list[tuple[int, float]]) -> LipSync | None:
    """Compare (second in the clip, moment) with (beep index, moment); None when no second has both."""
    errors = []
    for second, shown in pictures:
        heard = [moment for index, moment in sounds if index == second % beeps.COUNT]
        nearest = min(heard, key=lambda moment: abs(moment - shown), default=None)
        if nearest is not None and abs(nearest - shown) < PAIRED_WITHIN_S:
            errors.append((nearest - shown) * 1000)
    if not errors:
        return None
    return LipSync(len(errors), max(abs(error) for error in errors), statistics.median(errors))


class Verifier:
    """One participant's media, watched frame by frame."""

    def __init__(self) -> None:
        self.pictures = PictureCount()
        self.sounds = BeepCount()
        self.samples = 0
        self.energy = 0.0
        """Sum of squared samples, -1 to 1: that something was in fact heard."""
        self.width = self.height = 0
        self.taps: dict[str, list[Tap]] = {"audio": [], "video": []}
        self._reader = BeepReader()
        self._seconds: deque[tuple[int, int, Tap]] = deque(maxlen=MOMENTS_KEPT)
        self._beeps: deque[tuple[int, int, Tap]] = deque(maxlen=MOMENTS_KEPT)

    def see_picture(self, frame: av.VideoFrame, tap: Tap | None, at: float) -> None:
        """Note one decoded frame; `at` is loop time."""
        mark = marks.read_frame(frame)
        self.pictures.see(mark, at)
        self.width, self.height = frame.width, frame.height
        timestamp = self._timestamp(frame, tap)
        if mark is not None and mark.clock_ms % 1000 == 0 and tap is not None and timestamp is not None:
            self._seconds.append((mark.clock_ms // 1000, timestamp, tap))

    def see_sound(self, frame: av.AudioFrame, tap: Tap | None) -> None:
        """Note one decoded piece of sound: 48 kHz, 16 bit."""
        samples = mono(frame)
        self.samples += len(samples)
        self.energy += float(np.dot(samples, samples))
        timestamp = self._timestamp(frame, tap)
        at = timestamp if timestamp is not None else frame.pts or 0
        for beep in self._reader.feed(samples, at):
            self.sounds.see(beep)
            if tap is not None:
                self._beeps.append((beep.index, beep.at % 2**32, tap))

    def lip_sync(self) -> LipSync | None:
        """By the sender reports there are by now."""
        return lip_sync(_moments(self._seconds), _moments(self._beeps))

    def packets(self, kind: str) -> tuple[int, int]:
        """(received, lost) media packets of the receivers this participant came through."""
        taps = self.taps[kind]
        return sum(tap.packets for tap in taps), sum(tap.lost for tap in taps)

    def _timestamp(self, frame: av.VideoFrame | av.AudioFrame, tap: Tap | None) -> int | None:
        if tap is None:
            return None
        if tap not in self.taps[tap.kind]:
            self.taps[tap.kind].append(tap)
        return tap.timestamp(frame)


def mono(frame: av.AudioFrame) -> beeps.Samples:
    """The samples of a 16-bit frame, its channels averaged, -1 to 1."""
    samples = frame.to_ndarray().reshape(-1, len(frame.layout.channels)) if not frame.format.is_planar else None
    if samples is None:
        samples = frame.to_ndarray().T
    averaged: beeps.Samples = (samples.astype(np.float32).mean(axis=1) / 32768).astype(np.float32)
    return averaged


def _moments(entries: deque[tuple[int, int, Tap]]) -> list[tuple[int, float]]:
    known = ((label, tap.clock.moment(timestamp)) for label, timestamp, tap in entries)
    return [(label, moment) for label, moment in known if moment is not None]
