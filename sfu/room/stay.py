"""How good one peer's stay in a room was: from connected to left, look by look.

perceived (every 2 s) -> **stay** -> link (`left` reports) -> signaling (call history)
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from sfu.room.perceived import Perceived

WORST_S: Final = 10.0
"""A bad moment is forgotten; so much of it in a row is what people tell of the call."""


@dataclass(frozen=True, slots=True)
class StayQuality:
    """A stay, summed up."""

    score: float
    """Mean over time."""
    worst: float
    """Of the worst 10 s; of all of it where it was shorter."""
    audio: float | None
    video: float | None
    seconds: float
    """In which there was something to hear or to see."""

    def wire(self, connected_s: float) -> dict[str, object]:
        """As signaling is told it, of a stay that was so long whether there was something or not."""
        scores = {"score": self.score, "worst": self.worst, "audioScore": self.audio, "videoScore": self.video}
        told = {name: round(score, 2) for name, score in scores.items() if score is not None}
        return {**told, "seconds": round(self.seconds, 1), "connectedSeconds": round(connected_s, 1)}


@dataclass(slots=True)
class _Mean:
    """Over time."""

    seconds: float = 0.0
    total: float = 0.0

    def add(self, score: float | None, seconds: float) -> None:
        """So good for so long; None does not count."""
        if score is not None:
            self.seconds += seconds
            self.total += score * seconds

    @property
    def value(self) -> float | None:
        return self.total / self.seconds if self.seconds else None


@dataclass(slots=True)
class Stay:
    """Of one peer."""

    _whole: _Mean = field(default_factory=_Mean)
    _audio: _Mean = field(default_factory=_Mean)
    _video: _Mean = field(default_factory=_Mean)
    _recent: deque[tuple[float, float]] = field(default_factory=deque)
    """Score and seconds of the last looks: 10 s, and not one look more."""
    _recent_s: float = 0.0
    _worst: float | None = None

    def add(self, perceived: Perceived, seconds: float) -> None:
        """What was heard and seen for so long."""
        score = perceived.score
        if score is None or seconds <= 0:
            return
        self._whole.add(score, seconds)
        self._audio.add(perceived.audio, seconds)
        self._video.add(perceived.video, seconds)
        self._remember(score, seconds)

    @property
    def quality(self) -> StayQuality | None:
        """All of it so far; None if there was nothing to hear or see."""
        score = self._whole.value
        if score is None:
            return None
        worst = score if self._worst is None else self._worst
        return StayQuality(score, worst, self._audio.value, self._video.value, self._whole.seconds)

    def _remember(self, score: float, seconds: float) -> None:
        self._recent.append((score, seconds))
        self._recent_s += seconds
        while self._recent_s - self._recent[0][1] >= WORST_S:
            self._recent_s -= self._recent.popleft()[1]
        if self._recent_s >= WORST_S:
            mean = sum(each * length for each, length in self._recent) / self._recent_s
            self._worst = mean if self._worst is None else min(self._worst, mean)
