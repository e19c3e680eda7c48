"""Who speaks, out of smoothed audio levels.

core levels (5 a second) -> **speakers** -> `speakers` events, and who deserves a seat

Levels are RFC 6464's: -dBov, 0 loudest, 127 silence.  Speech starts above one level and ends below a lower one held for
a while, so that pauses between words are no change.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sfu.room.tracks import PeerId

START_DBOV = 45
"""Speech starts at this level or louder; room noise is at 55 to 70."""
STOP_DBOV = 55
HOLD_S = 0.6
"""Silence shorter than this is a pause, not an end."""
LOUDNESS_STEP = 0.2
"""Smaller changes of loudness are not told."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """One who speaks now; loudness 0 (silent) to 1."""

    peer: PeerId
    loudness: float


def loudness(level_dbov: int) -> float:
    """-60 dBov and below is 0, 0 dBov is 1."""
    return round(max(0.0, 1.0 - level_dbov / 60), 2)


class Speakers:
    """Who speaks in one room; loudest first."""

    def __init__(self) -> None:
        self._last_heard: dict[PeerId, float] = {}
        self._told: tuple[Speaker, ...] = ()

    def __bool__(self) -> bool:
        """Somebody speaks, or is still said to."""
        return bool(self._last_heard or self._told)

    def update(self, levels: Mapping[PeerId, int], now: float) -> tuple[Speaker, ...] | None:
        """The speakers if they differ from what was told last, else None.  `now` is in seconds."""
        for peer, level in levels.items():
            if level <= START_DBOV or (level <= STOP_DBOV and peer in self._last_heard):
                self._last_heard[peer] = now
        self._last_heard = {
            peer: heard for peer, heard in self._last_heard.items() if peer in levels and now - heard <= HOLD_S
        }
        speaking = sorted(self._last_heard, key=lambda peer: levels[peer])
        speakers = tuple(Speaker(peer, loudness(levels[peer])) for peer in speaking)
        if not self._differs(speakers):
            return None
        self._told = speakers
        return speakers

    def _differs(self, speakers: tuple[Speaker, ...]) -> bool:
        before = {speaker.peer: speaker.loudness for speaker in self._told}
        after = {speaker.peer: speaker.loudness for speaker in speakers}
        if before.keys() != after.keys():
            return True
        return any(abs(after[peer] - before[peer]) >= LOUDNESS_STEP for peer in after)
