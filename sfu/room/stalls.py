"""For how long nothing has come of the tracks that somebody is shown.

sampling (core stats, every 2 s) -> **stalls** -> quality (of who publishes them), perceived (of who is shown them)

Each track is judged by itself: a camera that stalls is noticed while the voice goes on.  Nobody waits for a track that
is muted, nor for one that nobody is shown: its publisher may have stopped it (`layers`).
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sfu.room.effects import TrackKey

STALLED_S: Final = 2.0
"""No camera and no microphone that goes on sends nothing for so long: of silence, Opus speaks up every 0.4 s (DTX)."""


class Sign(NamedTuple):
    """What a look finds of one track."""

    packets: int
    """Received, since the start."""
    is_wanted: bool
    """Published, not muted, and shown to somebody."""
    may_rest: bool
    """It may send nothing while nothing changes."""
    peer_silent_s: float
    """Since anything at all came from its publisher."""


class _Heard(NamedTuple):
    packets: int
    at: float


class Stalls:
    """Remembers when something last came of each track."""

    def __init__(self) -> None:
        self._heard: dict[TrackKey, _Heard] = {}

    def update(self, signs: Mapping[TrackKey, Sign], now: float) -> dict[TrackKey, float]:
        """How long each track that is wanted has been silent; what is not in `signs` is forgotten.  All in seconds."""
        self._heard = {key: self._last_heard(key, sign, now) for key, sign in signs.items()}
        return {key: _silence(sign, now - self._heard[key].at) for key, sign in signs.items() if sign.is_wanted}

    def _last_heard(self, key: TrackKey, sign: Sign, now: float) -> _Heard:
        before = self._heard.get(key)
        if before is None or sign.packets != before.packets or not sign.is_wanted:
            return _Heard(sign.packets, now)
        return before


def _silence(sign: Sign, silent_s: float) -> float:
    """A screen on which nothing moves is no stall for as long as its publisher is heard of."""
    return min(silent_s, sign.peer_silent_s) if sign.may_rest else silent_s
