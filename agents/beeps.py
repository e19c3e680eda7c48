"""The beeps of the sample clips: one at each whole second, and its pitch says which.

media-samples/make_samples.py writes them → codec → network → decoder → **BeepReader** → verify

A beep is two tones at once, one of eight low and one of eight high ones (as a telephone key is, ITU-T Q.23, but
further apart), 100 ms long.  64 indices, so a beep lost, doubled or out of its turn is seen from the sound alone.
The reader takes decoded samples with their RTP timestamps and gives each beep with the timestamp of its onset,
good to a millisecond or two: that is what lip-sync is measured with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
"""Mono, 48,000 a second, -1 to 1."""

RATE: Final = 48_000
COUNT: Final = 64
LENGTH: Final = RATE // 10
"""Samples a beep lasts."""

LOW_HZ: Final = np.array([500.0 + 60 * i for i in range(8)])
HIGH_HZ: Final = np.array([1300.0 + 120 * i for i in range(8)])

_RAMP: Final = RATE // 500  # 2 ms: short enough for a sharp onset, long enough not to click
_AMPLITUDE: Final = 0.3
_BLOCK: Final = RATE // 1000  # 1 ms
_WINDOW: Final = RATE * 60 // 1000  # what the pitch is read from; resolves 33 Hz, tones are 60 apart
_LEAD: Final = RATE * 10 // 1000  # skipped after the onset: codecs smear the attack
_QUIET: Final = 20  # blocks of silence before an onset counts
_LOUD: Final = 0.05  # RMS; a beep has 0.3
_PURE: Final = 0.5  # share of the window's energy that must lie in the two tones


@dataclass(frozen=True, slots=True)
class Beep:
    """One beep heard."""

    index: int
    """Whole second in the clip, modulo 64."""
    at: int
    """Timestamp of its onset, in samples, on the clock of what was fed."""


def tone(index: int) -> Samples:
    """The samples of beep `index`."""
    low, high = LOW_HZ[index % COUNT // 8], HIGH_HZ[index % 8]
    t = np.arange(LENGTH) / RATE
    ramp = np.minimum(1, np.minimum(np.arange(LENGTH), np.arange(LENGTH)[::-1]) / _RAMP)
    wave = _AMPLITUDE * ramp * (np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t))
    sound: Samples = wave.astype(np.float32)
    return sound


def pitch(window: Samples) -> int | None:
    """Which beep sounds throughout the window, or None when it is something else."""
    hann = np.hanning(len(window))
    energy = float(np.dot(window, window))
    if energy <= 0:
        return None
    low, high = _powers(window * hann, LOW_HZ), _powers(window * hann, HIGH_HZ)
    # A tone of energy E has the power E · (Σ hann)² / 2N at its own frequency.
    share = float(low.max() + high.max()) * 2 * len(window) / (energy * float(hann.sum()) ** 2)
    if share < _PURE or min(low.max(), high.max()) < 0.1 * max(low.max(), high.max()):
        return None
    return int(low.argmax()) * 8 + int(high.argmax())


class BeepReader:
    """Finds beeps in decoded audio as it comes.  No clock: time is the samples' timestamps.

    Keeps at most 0.2 s of sound.  A jump in the timestamps is silence.
    """

    def __init__(self) -> None:
        self._held: Samples = np.zeros(0, np.float32)
        self._start = 0
        self._quiet = _QUIET
        self._onset: int | None = None

    def feed(self, samples: Samples, timestamp: int) -> list[Beep]:
        """Beeps that became complete with these samples, `timestamp` being the first one's."""
        if timestamp != self._start + len(self._held):
            self._held, self._start = np.zeros(0, np.float32), timestamp
            self._quiet, self._onset = _QUIET, None
        self._held = np.concatenate([self._held, samples])
        return self._scan()

    def _scan(self) -> list[Beep]:
        found: list[Beep] = []
        while True:
            if self._onset is None and not self._find_onset():
                return found
            if self._onset is None or (beep := self._read_pitch(self._onset)) is None:
                return found
            if beep.index >= 0:
                found.append(beep)

    def _find_onset(self) -> bool:
        """Walk over whole blocks until sound follows silence; what was walked over is let go."""
        blocks = len(self._held) // _BLOCK
        rms = np.sqrt((self._held[: blocks * _BLOCK].reshape(blocks, _BLOCK) ** 2).mean(axis=1))
        for i, level in enumerate(rms):
            if level < _LOUD:
                self._quiet += 1
                continue
            starts, self._quiet = self._quiet >= _QUIET, 0
            if starts:
                self._drop(i * _BLOCK)
                self._onset = self._start
                return True
        self._drop(blocks * _BLOCK)
        return False

    def _read_pitch(self, onset: int) -> Beep | None:
        """The beep at the onset once enough of it is there; index -1 when it is no beep."""
        if len(self._held) < _LEAD + _WINDOW:
            return None
        index = pitch(self._held[_LEAD : _LEAD + _WINDOW])
        beep = Beep(-1 if index is None else index, onset)
        self._drop(_LEAD + _WINDOW)
        self._onset, self._quiet = None, 0
        return beep

    def _drop(self, count: int) -> None:
        self._held, self._start = self._held[count:], self._start + count


def _powers(tapered: npt.NDArray[np.float64], frequencies: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Squared magnitude of the window at each frequency."""
    phases = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(len(tapered))) / RATE)
    power: npt.NDArray[np.float64] = np.abs(phases @ tapered) ** 2
    return power
