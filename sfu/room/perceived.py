"""What one peer has heard and seen since the last look, as scores.

numbers (core), members (who is shown), stalls -> **perceived** (score: the rule) -> stay

Of sound counts what is sent to the peer; silence is no fault, but of a source that has stalled all is lost.  Of
pictures counts what their publishers mean to send: one that has stalled stands still, and so does a seat whose picture
the path does not carry.  A seat that is silent without that is not rated: it is hidden, or its first keyframe is on
its way.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sfu.room.effects import TrackKey
from sfu.room.members import Member
from sfu.room.numbers import LayerNumbers, PeerNumbers, SenderNumbers
from sfu.room.score import audio_score, together, video_score
from sfu.room.stalls import STALLED_S

DEVICES_MS: Final = 26.5
"""A packet of Opus and what its encoder looks ahead (RFC 6716 §2)."""
JITTER_BUFFERS: Final = 2
"""A receiver waits about twice the jitter for what is late."""
TEMPORAL: Final = 0.5
"""Of a layer, that fewer pictures a second count."""


@dataclass(frozen=True, slots=True)
class Published:
    """One track, as its viewers depend on it."""

    layers: Sequence[LayerNumbers]
    frozen_s: Sequence[float]
    """How long each layer stood still since the last look."""
    rtt_ms: float
    """To its publisher and back."""
    is_on: bool
    """Its publisher means to send."""
    silent_s: float
    """For so long nothing has come of what somebody is shown."""

    @property
    def is_stalled(self) -> bool:
        """Who is shown it misses it."""
        return self.silent_s >= STALLED_S


@dataclass(frozen=True, slots=True)
class Perceived:
    """Scores; None: there was nothing to hear, or to see."""

    audio: float | None
    video: float | None

    @property
    def score(self) -> float | None:
        """Of both."""
        return together(self.audio, self.video)


@dataclass(frozen=True, slots=True)
class Viewer:
    """One peer that is shown others."""

    member: Member
    numbers: PeerNumbers
    senders: Mapping[str, SenderNumbers]
    """By m-line."""

    def perceived(self, tracks: Mapping[TrackKey, Published], since_s: float) -> Perceived:
        """The mean of its seats, each kind by itself."""
        return Perceived(_mean(list(self._sounds(tracks))), _mean(list(self._pictures(tracks, since_s))))

    def pictures(self) -> Iterator[SenderNumbers]:
        """The video of every seat."""
        for mids in self.member.seats.values():
            if mids.video is not None and mids.video in self.senders:
                yield self.senders[mids.video]

    def _sounds(self, tracks: Mapping[TrackKey, Published]) -> Iterator[float]:
        rtt_ms = self.numbers.rtt_ms or 0.0
        for mids in self.member.seats.values():
            sender = self.senders.get(mids.audio) if mids.audio is not None else None
            if sender is None:
                continue
            track = self._shown(sender, tracks)
            is_stalled = track is not None and track.is_stalled
            if is_stalled or sender.kbps > 0:
                there_ms = (rtt_ms + (track.rtt_ms if track else 0.0)) / 2
                delay_ms = there_ms + JITTER_BUFFERS * sender.jitter_ms + DEVICES_MS
                yield audio_score(loss=1.0 if is_stalled else sender.fraction_lost, delay_ms=delay_ms)

    def _pictures(self, tracks: Mapping[TrackKey, Published], since_s: float) -> Iterator[float]:
        estimate = self.numbers.estimate_kbps
        spare_kbps = float("inf") if estimate is None else estimate - self.numbers.sending_kbps
        for sender in self.pictures():
            track = self._shown(sender, tracks)
            if track is not None and self._misses(sender, track):
                frozen = _frozen(sender, track, since_s)
                below = _below(sender, track.layers, spare_kbps)
                yield video_score(frozen=frozen, below=below, loss=sender.fraction_lost)

    def _misses(self, sender: SenderNumbers, track: Published) -> bool:
        """Whether what does not come, or comes badly, is missed."""
        if track.is_stalled:
            lines, _ = self.member.viewed.get(sender.mid, (None, 0))
            return lines != 0
        return track.is_on and (sender.paused or sender.layer is not None)

    def _shown(self, sender: SenderNumbers, tracks: Mapping[TrackKey, Published]) -> Published | None:
        """What the room wants the m-line to show."""
        key = self.member.shown.get(sender.mid)
        return tracks.get(key) if key is not None else None


def _frozen(sender: SenderNumbers, track: Published, since_s: float) -> float:
    """The share of the time in which nothing moved."""
    if track.is_stalled or sender.paused or sender.layer is None:
        return 1.0
    frozen_s = track.frozen_s[sender.layer] if sender.layer < len(track.frozen_s) else 0.0
    return min(1.0, frozen_s / since_s)


def _below(sender: SenderNumbers, layers: Sequence[LayerNumbers], spare_kbps: float) -> float:
    """How many layers more the peer would be shown, had its path room for the next one.

    A low layer that is shown though there is room is what the peer wants: a small picture.
    """
    temporal = 0.0 if sender.temporal is None else TEMPORAL
    if sender.layer is None or sender.layer >= len(layers):
        return temporal
    kbps, above = _cut(sender.spatial, layers[sender.layer])
    above += [layer.kbps for layer in layers[sender.layer + 1 :] if layer.active]
    has_room = not above or above[0] - kbps <= spare_kbps
    return temporal + (0 if has_room else len(above))


def _cut(spatial: int | None, layer: LayerNumbers) -> tuple[float, list[float]]:
    """What is let through of a layer takes, and what it would take with each further spatial layer (SVC)."""
    if spatial is None:
        return layer.kbps, []
    kbps = layer.spatial_kbps[spatial]
    return kbps, sorted({more for more in layer.spatial_kbps if more > kbps})


def _mean(scores: Sequence[float]) -> float | None:
    return sum(scores) / len(scores) if scores else None
