"""How well each participant's media travels: good, fair, poor or lost.

core stats (every 2 s), stalls -> **quality** -> `quality` events
"""

from collections.abc import Mapping, Sequence
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
"""Silence of everything that others are shown of a publisher makes it lost, of a part of it poor."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters of one peer at one moment."""

    packets: int
    """Received from it, since the start."""
    lost: int
    """Not received from it, since the start."""
    silences: Sequence[float]
    """Of each of its tracks that others are shown and that is not muted, in seconds."""
    receiver_loss: float
    """Worst share of loss that it reports of what it gets, 0 to 1."""
    rtt_ms: float | None


class QualityMeter:
    """The quality of every peer of one room."""

    def __init__(self) -> None:
        self._before: Mapping[PeerId, Sample] = {}
        self._told: dict[PeerId, Quality] = {}

    def update(self, samples: Mapping[PeerId, Sample]) -> dict[PeerId, Quality] | None:
        """Everybody's quality if somebody's has changed, else None."""
        found = {peer: _judge(self._before.get(peer), sample) for peer, sample in samples.items()}
        self._before = samples
        if found == self._told:
            return None
        self._told = found
        return found


def _judge(before: Sample | None, sample: Sample) -> Quality:
    if before is None:
        return "good"
    if sample.silences and min(sample.silences) >= LOST_S:
        return "lost"
    if max(sample.silences, default=0.0) >= LOST_S:
        return "poor"
    return _grade(max(_loss(before, sample), sample.receiver_loss), sample.rtt_ms or 0.0)


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
