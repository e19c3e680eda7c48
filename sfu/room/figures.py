"""How a participant's media travels, in figures: round trip, estimate, and bit rate, loss and jitter of either way.

numbers (core), every look -> **figures** -> room (`figures`) -> rated -> link (`quality` reports) -> signaling (SAPI)

Of a participant with several peers the worst is told, and the bit rates are summed up.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Final, Self

from msgspec import Struct

from sfu.room.members import Member
from sfu.room.numbers import LayerNumbers, PeerNumbers, SenderNumbers, TrackNumbers
from sfu.room.tracks import PeerId

MOST: Final = 999_999
"""Of kbit/s or ms, as signaling is told them: what receivers report may be anything, and a report is bounded."""

Sent = tuple[TrackNumbers, Sequence[LayerNumbers]]
"""A track with its layers."""
WireWay = tuple[int, float, int]
WireFigures = tuple[int | None, int | None, WireWay, WireWay]


class Way(Struct, frozen=True):
    """What goes from a participant to us, or from us to him."""

    kbps: float
    """Over the last full second."""
    loss: float
    """The share that did not arrive, 0 to 1."""
    jitter_ms: float

    def together(self, other: Self) -> "Way":
        """Of two peers of one participant."""
        kbps = self.kbps + other.kbps
        return Way(kbps, max(self.loss, other.loss), max(self.jitter_ms, other.jitter_ms))

    def wire(self) -> WireWay:
        """As signaling is told it."""
        return _whole(self.kbps), round(self.loss, 4), _whole(self.jitter_ms)


class Figures(Struct, frozen=True):
    """Of one peer, or one participant."""

    rtt_ms: float | None
    """To him and back."""
    estimate_kbps: float | None
    """What the path to him is thought to carry."""
    up: Way
    """What he sends: loss since the last look, after retransmission."""
    down: Way
    """What he is sent: loss and jitter of the worst m-line, as he last reported."""

    def together(self, other: Self) -> "Figures":
        """Of two peers of one participant."""
        return Figures(
            max(_known(self.rtt_ms, other.rtt_ms), default=None),
            min(_known(self.estimate_kbps, other.estimate_kbps), default=None),
            self.up.together(other.up),
            self.down.together(other.down),
        )

    def wire(self) -> WireFigures:
        """As signaling is told it: places instead of names, for there are many."""
        rtt_ms, estimate_kbps = (
            None if value is None else _whole(value) for value in (self.rtt_ms, self.estimate_kbps)
        )
        return rtt_ms, estimate_kbps, self.up.wire(), self.down.wire()


class FiguresMeter:
    """Remembers of each look what the next one's loss is reckoned from."""

    def __init__(self) -> None:
        self._before: dict[PeerId, tuple[int, int]] = {}
        """Packets and lost of what each sends; who is not in a look is forgotten."""

    def keep(self, peers: Set[PeerId]) -> None:
        """Who is not among these is gone."""
        self._before = {peer: counted for peer, counted in self._before.items() if peer in peers}

    def figures(
        self, peer: PeerId, numbers: PeerNumbers, tracks: Iterable[Sent], senders: Iterable[SenderNumbers]
    ) -> Figures:
        """Of a peer of this look; the core makes its lists anew when asked, so they are asked for once."""
        return Figures(
            numbers.rtt_ms, numbers.estimate_kbps, self._up(peer, tracks), _down(numbers.sending_kbps, senders)
        )

    def _up(self, peer: PeerId, tracks: Iterable[Sent]) -> Way:
        packets, lost, kbps, jitter_ms = 0, 0, 0.0, 0.0
        for track, layers in tracks:
            packets += track.packets
            lost += track.lost
            jitter_ms = max(jitter_ms, track.jitter_ms)
            for layer in layers:
                kbps += layer.kbps
        before = self._before.get(peer, (packets, lost))
        self._before[peer] = (packets, lost)
        return Way(kbps, _loss(before, (packets, lost)), jitter_ms)


def _down(kbps: float, senders: Iterable[SenderNumbers]) -> Way:
    loss, jitter_ms = 0.0, 0.0
    for sender in senders:  # of a large room there are thousands in a look, and a call of `max` each costs too much
        if sender.fraction_lost > loss:
            loss = sender.fraction_lost
        if sender.jitter_ms > jitter_ms:
            jitter_ms = sender.jitter_ms
    return Way(kbps, loss, jitter_ms)


def of_participants(members: Mapping[PeerId, Member], figures: Mapping[PeerId, Figures]) -> dict[str, Figures]:
    """Of each participant of a room who was looked at."""
    found: dict[str, Figures] = {}
    for peer in members.keys() & figures.keys():
        name, own = members[peer].participant, figures[peer]
        found[name] = found[name].together(own) if name in found else own
    return found


def _loss(before: tuple[int, int], after: tuple[int, int]) -> float:
    """The share lost between two moments; counts that have shrunk are of other tracks."""
    packets, lost = (max(0, new - old) for old, new in zip(before, after, strict=True))
    return lost / (lost + packets) if lost else 0.0


def _known(*values: float | None) -> list[float]:
    return [value for value in values if value is not None]


def _whole(value: float) -> int:
    return min(round(value), MOST)
