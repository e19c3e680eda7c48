"""How well each participant's media travels: good, fair, poor or lost.

core stats (every 2 s) -> **quality** -> `quality` events
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sfu.room.tracks import PeerId

Quality = Literal["good", "fair", "poor", "lost"]
WORST_FIRST: tuple[Quality, ...] = ("lost", "poor", "fair", "good")

FAIR_LOSS, POOR_LOSS = 0.02, 0.08
"""Share of packets lost; concealment hides 2 %, and nothing hides 8 %."""
FAIR_RTT_MS, POOR_RTT_MS = 300.0, 600.0
"""Talk becomes stilted above 300 ms there and back (ITU-T G.114: 150 ms one way)."""
LOST_S = 5.0
"""Silence of a publisher that makes it lost."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters of one peer at one moment."""

    packets: int
    """Received from it, since the start."""
    lost: int
    """Not received from it, since the start."""
    sends: bool
    """It has published something that is not muted."""
    receiver_loss: float
    """Worst share of loss that it reports of what it gets, 0 to 1."""
    rtt_ms: float | None


@dataclass(slots=True)
class _History:
    sample: Sample
    heard: float


class QualityMeter:
    """The quality of every peer of one room."""

    def __init__(self) -> None:
        self._history: dict[PeerId, _History] = {}
        self._told: dict[PeerId, Quality] = {}

    def update(self, samples: Mapping[PeerId, Sample], now: float) -> dict[PeerId, Quality] | None:
        """Everybody's quality if somebody's has changed, else None.  `now` is in seconds."""
        found = {peer: self._judge(peer, sample, now) for peer, sample in samples.items()}
        for gone in self._history.keys() - samples.keys():
            del self._history[gone]
        if found == self._told:
            return None
        self._told = found
        return found

    def _judge(self, peer: PeerId, sample: Sample, now: float) -> Quality:
        history = self._history.get(peer)
        if history is None:
            self._history[peer] = _History(sample, now)
            return "good"
        loss = max(_loss(history.sample, sample), sample.receiver_loss)
        if sample.packets > history.sample.packets or not sample.sends:
            history.heard = now
        history.sample = sample
        if now - history.heard >= LOST_S:
            return "lost"
        return _grade(loss, sample.rtt_ms or 0.0)


def _loss(before: Sample, after: Sample) -> float:
    lost = max(0, after.lost - before.lost)
    expected = lost + max(0, after.packets - before.packets)
    return lost / expected if expected else 0.0


def _grade(loss: float, rtt_ms: float) -> Quality:
    if loss >= POOR_LOSS or rtt_ms >= POOR_RTT_MS:
        return "poor"
    if loss >= FAIR_LOSS or rtt_ms >= FAIR_RTT_MS:
        return "fair"
    return "good"
