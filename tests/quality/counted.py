"""What a browser counts of a connection, as far as it is asked for (W3C webrtc-stats).

page (call.js, `getStats`) -> **counted** -> rows/*
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeVar


@dataclass(frozen=True, slots=True)
class Heard:
    """Sound received, in samples."""

    samples: int = 0
    concealed: int = 0
    """Made up by the decoder where something was missing."""
    silent_concealed: int = 0
    """Of these, in what was silence anyway."""

    @property
    def concealment(self) -> float:
        """Share that was made up and could be heard; 1 where nothing came at all."""
        return (self.concealed - self.silent_concealed) / self.samples if self.samples else 1.0


@dataclass(frozen=True, slots=True)
class Received:
    """Pictures received, over all seats."""

    octets: int = 0
    decoded: int = 0
    keyframes: int = 0
    requests: int = 0
    """Keyframes that the receiver asked for: it does so when its decoder cannot go on."""
    nacks: int = 0
    lost: int = 0


Counts = TypeVar("Counts", Heard, Received)


@dataclass(frozen=True, slots=True)
class Counted:
    """One look at a connection."""

    at_ms: float
    sent: Mapping[str, int]
    """Pictures sent, by RID."""
    heard: Heard
    received: Received

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Counted:
        """As a page tells it."""
        reports: Sequence[Mapping[str, Any]] = told["reports"]
        sent = {str(one.get("rid", "")): int(one.get("framesSent", 0)) for one in _of(reports, "outbound-rtp", "video")}
        sound, pictures = (list(_of(reports, "inbound-rtp", kind)) for kind in ("audio", "video"))
        return cls(
            at_ms=float(told["at"]),
            sent=sent,
            heard=Heard(
                samples=_sum(sound, "totalSamplesReceived"),
                concealed=_sum(sound, "concealedSamples"),
                silent_concealed=_sum(sound, "silentConcealedSamples"),
            ),
            received=Received(
                octets=_sum(pictures, "bytesReceived"),
                decoded=_sum(pictures, "framesDecoded"),
                keyframes=_sum(pictures, "keyFramesDecoded"),
                requests=_sum(pictures, "pliCount") + _sum(pictures, "firCount"),
                nacks=_sum(pictures, "nackCount"),
                lost=_sum(pictures, "packetsLost"),
            ),
        )

    def since(self, before: Counted) -> Counted:
        """What came on top of an earlier look; `at_ms` is then how long that took."""
        return Counted(
            at_ms=self.at_ms - before.at_ms,
            sent={rid: count - before.sent.get(rid, 0) for rid, count in self.sent.items()},
            heard=_less(self.heard, before.heard),
            received=_less(self.received, before.received),
        )

    @property
    def most_sent(self) -> int:
        """Pictures of the layer of which most were sent: what somebody could have been shown."""
        return max(self.sent.values(), default=0)

    @property
    def kbps(self) -> float:
        """Of the pictures received, in a difference."""
        return self.received.octets * 8 / self.at_ms if self.at_ms else 0.0


def _of(reports: Iterable[Mapping[str, Any]], type_: str, kind: str) -> Iterable[Mapping[str, Any]]:
    return (one for one in reports if one.get("type") == type_ and one.get("kind") == kind)


def _sum(reports: Iterable[Mapping[str, Any]], name: str) -> int:
    return sum(int(one.get(name, 0)) for one in reports)


def _less(now: Counts, before: Counts) -> Counts:
    return type(now)(**{each.name: getattr(now, each.name) - getattr(before, each.name) for each in fields(now)})
