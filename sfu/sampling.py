"""What every look at the core's statistics tells of the peers: to their rooms, their stays, themselves, the metrics.

watch (core stats, every 2 s) -> **sampling** -> room (`quality`, figures), stay (scores), session (`stats`), metrics
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from common.log import FieldLog
from sfu.guarded import guarded
from sfu.metrics import NodeMetrics, Standing
from sfu.room.effects import TrackKey
from sfu.room.figures import Figures, FiguresMeter
from sfu.room.freezes import Freezes
from sfu.room.members import Member
from sfu.room.numbers import LayerNumbers, PeerNumbers, TrackNumbers
from sfu.room.perceived import Published, Viewer
from sfu.room.quality import QualityMeter, Sample
from sfu.room.room import Room
from sfu.room.stalls import Sign, Stalls
from sfu.room.stats_feed import StatsFeed
from sfu.room.stay import Stay
from sfu.room.tracks import PeerId, Track

log = FieldLog(__name__)

LONGEST_S: Final = 10.0
"""What one look may stand for: of a longer time in which none was possible nothing is known."""


class Rooms(Protocol):
    """The node's rooms."""

    def room(self, room: str) -> Room | None:
        """The rules of a room."""

    def settle(self, room: str) -> None:
        """Carry out what a room's rules decided."""


class Sampled(Protocol):
    """A session, as far as it is looked at."""

    @property
    def stay(self) -> Stay:
        """How good it has been so far."""

    @property
    def stats(self) -> StatsFeed | None:
        """Whether its client asked to be told."""

    def tell(self, event: str, data: object) -> None:
        """Send an event to the client."""


class _Numbered(NamedTuple):
    """One track of a look."""

    key: TrackKey
    track: Track
    numbers: TrackNumbers
    layers: Sequence[LayerNumbers]


@dataclass(frozen=True, slots=True)
class _Taken:
    """One peer of a look.  The core makes each list anew when asked for it, so that is done once."""

    viewer: Viewer
    tracks: Sequence[_Numbered]
    """Those excepted that have just been negotiated away."""
    figures: Figures


class Sampling:
    """Remembers of each look what the next one is compared with."""

    def __init__(self, metrics: NodeMetrics) -> None:
        # Given to us.
        self._metrics = metrics
        # Ours; who is not in a look is forgotten.
        self._meters: dict[str, QualityMeter] = {}
        self._freezes: dict[TrackKey, Freezes] = {}
        self._stalls = Stalls()
        self._figures = FiguresMeter()
        self._known: frozenset[PeerId] = frozenset()
        self._looked_at: float | None = None

    def look(
        self,
        node: Rooms,
        numbers: Mapping[str, Mapping[PeerId, PeerNumbers]],
        sessions: Mapping[PeerId, Sampled],
        now: float,
    ) -> None:
        """What the core tells of the connected peers of each room; `now` is in seconds."""
        since_s = 0.0 if self._looked_at is None else min(now - self._looked_at, LONGEST_S)
        rooms = {name: room for name in numbers if (room := node.room(name)) is not None}
        taken = {name: self._taken(room, numbers[name]) for name, room in rooms.items()}
        everybody = {peer: one for peers in taken.values() for peer, one in peers.items()}
        silences = self._stalls.update(dict(_signs(everybody.values())), now)
        tracks = self._published(everybody.values(), silences)
        self._count(taken)
        for name, room in rooms.items():
            with guarded(log, "look_failed", at="stats", room=name):
                room.measure({peer: one.figures for peer, one in taken[name].items()})
                for peer, one in taken[name].items():
                    self._score(peer, one, sessions[peer], tracks, since_s)
                    _tell(sessions[peer], one, now)
                if self._rate(name, room, taken[name], silences):
                    node.settle(name)
        self._meters = {name: meter for name, meter in self._meters.items() if name in rooms}
        self._known = frozenset(everybody)
        self._figures.keep(self._known)
        self._looked_at = now

    def _taken(self, room: Room, peers: Mapping[PeerId, PeerNumbers]) -> dict[PeerId, _Taken]:
        found: dict[PeerId, _Taken] = {}
        for peer, numbers in peers.items():
            if member := room.members.get(peer):
                senders = {sender.mid: sender for sender in numbers.senders}
                tracks = list(_numbered(member, numbers))
                sent = ((track.numbers, track.layers) for track in tracks)
                figures = self._figures.figures(peer, numbers, sent, senders.values())
                found[peer] = _Taken(Viewer(member, numbers, senders), tracks, figures)
        return found

    def _published(self, peers: Iterable[_Taken], silences: Mapping[TrackKey, float]) -> dict[TrackKey, Published]:
        """Every track by its key, with its freezes since the last look."""
        before, self._freezes = self._freezes, {}
        found: dict[TrackKey, Published] = {}
        for one in peers:
            rtt_ms = one.viewer.numbers.rtt_ms or 0.0
            for key, track, _, layers in one.tracks:
                freezes = self._freezes[key] = Freezes.of(layers, may_rest=track.may_rest)
                grown = freezes.since(before.get(key))
                self._metrics.freezes += grown.ended
                found[key] = Published(layers, grown.frozen_s, rtt_ms, track.is_on, silences.get(key, 0.0))
        return found

    def _count(self, rooms: Mapping[str, Mapping[PeerId, _Taken]]) -> None:
        """The distributions of this look, and what stands now."""
        standing, layers = Standing(), Counter[int]()
        for peers in rooms.values():
            for one in peers.values():
                self._distribute(one)
                standing.peers += 1
                for sender in one.viewer.pictures():
                    standing.paused += sender.paused
                    layers.update(() if sender.layer is None else (sender.layer,))
        standing.layers = dict(layers)
        self._metrics.standing = standing

    def _distribute(self, one: _Taken) -> None:
        figures = one.figures
        self._metrics.rtt_ms.put(figures.rtt_ms)
        self._metrics.queue_ms.put(one.viewer.numbers.queue_ms)
        self._metrics.estimate_kbps.put(figures.estimate_kbps)
        self._metrics.sent_kbps.put(figures.down.kbps)
        self._metrics.received_kbps.put(figures.up.kbps)
        if one.viewer.senders:
            self._metrics.loss.put(figures.down.loss)
            self._metrics.jitter_ms.put(figures.down.jitter_ms)

    def _rate(self, name: str, room: Room, peers: Mapping[PeerId, _Taken], silences: Mapping[TrackKey, float]) -> bool:
        """Whether the room has something to tell."""
        samples = {peer: _sample(one, silences) for peer, one in peers.items()}
        qualities = self._meters.setdefault(name, QualityMeter()).update(samples)
        if qualities:
            room.rate(qualities)
        return bool(qualities)

    def _score(
        self,
        peer: PeerId,
        one: _Taken,
        session: Sampled,
        tracks: Mapping[TrackKey, Published],
        since_s: float,
    ) -> None:
        """Of who was there at the last look as well: of the others it is not known for how long."""
        if peer in self._known and since_s > 0:
            perceived = one.viewer.perceived(tracks, since_s)
            session.stay.add(perceived, since_s)
            self._metrics.score.put(perceived.score)


def _numbered(member: Member, numbers: PeerNumbers) -> Iterator[_Numbered]:
    for numbered in numbers.tracks:
        mid = numbered.mid
        if track := member.tracks.get(mid):
            yield _Numbered((member.peer, mid), track, numbered, numbered.layers)


def _signs(peers: Iterable[_Taken]) -> Iterator[tuple[TrackKey, Sign]]:
    for one in peers:
        silent_s = one.viewer.numbers.silent_ms / 1_000
        for key, track, numbers, layers in one.tracks:
            is_wanted = track.is_on and any(layer.taken for layer in layers)
            yield key, Sign(numbers.packets, is_wanted, track.may_rest, silent_s)


def _sample(one: _Taken, silences: Mapping[TrackKey, float]) -> Sample:
    return Sample(
        packets=sum(track.numbers.packets for track in one.tracks),
        lost=sum(track.numbers.lost for track in one.tracks),
        silences=[silences[track.key] for track in one.tracks if track.key in silences],
        receiver_loss=max((sender.fraction_lost for sender in one.viewer.senders.values()), default=0.0),
        rtt_ms=one.viewer.numbers.rtt_ms,
    )


def _tell(session: Sampled, one: _Taken, now: float) -> None:
    if session.stats is not None and session.stats.is_due(now):
        session.tell("stats", session.stats.told(one.viewer.member, one.viewer.numbers))
