"""What a peer is told of its own media, if its client asks: `stats` events.

control (`stats` request), numbers (core) -> **stats_feed** -> session -> client

Nothing is made for who did not ask.  It ends with the control link: after a resume the client asks again.
"""

from collections.abc import Iterator

from sfu.room.members import Member
from sfu.room.numbers import LayerNumbers, PeerNumbers, SenderNumbers, TrackNumbers

Wire = dict[str, object]


class StatsFeed:
    """One client's wish to be told."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._next_at: float | None = None
        self._before: dict[str, tuple[int, int]] = {}
        """Packets and lost of each track, as told last."""

    def is_due(self, now: float) -> bool:
        """Whether to tell now, which counts as told.  `now` is in seconds."""
        if self._next_at is not None and now < self._next_at:
            return False
        self._next_at = now + self._every_s
        return True

    def told(self, member: Member, numbers: PeerNumbers) -> Wire:
        """The event's data."""
        return {
            "rttMs": _rounded(numbers.rtt_ms),
            "estimateKbps": _rounded(numbers.estimate_kbps),
            "sendingKbps": _rounded(numbers.sending_kbps),
            "queueMs": _rounded(numbers.queue_ms),
            "tracks": dict(self._tracks(member, numbers)),
            "seats": _seats(member, {sender.mid: sender for sender in numbers.senders}),
        }

    def _tracks(self, member: Member, numbers: PeerNumbers) -> Iterator[tuple[str, Wire]]:
        before, self._before = self._before, {}
        for numbered in numbers.tracks:
            if track := member.tracks.get(numbered.mid):
                self._before[numbered.mid] = (numbered.packets, numbered.lost)
                yield track.id, _track(numbered, before.get(numbered.mid, (0, 0)))


def _track(track: TrackNumbers, before: tuple[int, int]) -> Wire:
    layers = track.layers
    packets, lost = max(0, track.packets - before[0]), max(0, track.lost - before[1])
    return {
        "kbps": _rounded(sum(layer.kbps for layer in layers)),
        "loss": round(lost / (lost + packets), 4) if lost else 0.0,
        "jitterMs": _rounded(track.jitter_ms),
        "freezes": sum(layer.freezes for layer in layers),
        "layers": [_layer(layer) for layer in layers],
    }


def _layer(layer: LayerNumbers) -> Wire:
    return {
        "rid": layer.rid,
        "kbps": _rounded(layer.kbps),
        "height": layer.height,
        "active": layer.active,
        "taken": layer.taken,
    }


def _seats(member: Member, senders: dict[str, SenderNumbers]) -> Wire:
    found: Wire = {}
    for seat, mids in member.seats.items():
        audio = senders.get(mids.audio) if mids.audio is not None else None
        video = senders.get(mids.video) if mids.video is not None else None
        found[str(seat)] = {"audio": audio and _sound(audio), "video": video and _picture(video)}
    return found


def _sound(sender: SenderNumbers) -> Wire:
    return {
        "kbps": _rounded(sender.kbps),
        "loss": round(sender.fraction_lost, 4),
        "jitterMs": _rounded(sender.jitter_ms),
        "nacks": sender.nacks_received,
        "retransmitted": sender.retransmitted,
    }


def _picture(sender: SenderNumbers) -> Wire:
    return _sound(sender) | {
        "layer": sender.layer,
        "temporal": sender.temporal,
        "spatial": sender.spatial,
        "paused": sender.paused,
        "switches": sender.switches,
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)
