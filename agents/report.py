"""What `--json` prints: one object, of one shape.

call, player, verifiers → **report** → JSON

    {"call": {"result", "reason", "room", "ring_ms", "answer_ms", "seconds"},
     "sent": {"audio": {...}, "video": {...}},
     "received": {<user name>: {"audio": {...}, "video": {...}, "lip_sync_ms", ...}}}

docs/agents.md explains every field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.errors import AgentError
from agents.play import Player
from agents.sounds import AUDIO_CLOCK
from agents.verify import Verifier

ACCEPTED = "accepted"
NO_CALL = "no call"

Object = dict[str, Any]


@dataclass(slots=True)
class Heard:
    """One participant, watched to the end."""

    name: str
    user: str
    since: float
    """Loop time that `first_frame_ms` counts from."""
    verifier: Verifier = field(default_factory=Verifier)


@dataclass(slots=True)
class CallReport:
    """One call."""

    result: str = NO_CALL
    reason: str | None = None
    room: str | None = None
    ring_ms: float | None = None
    answer_ms: float | None = None
    seconds: float = 0.0
    sent: Object = field(default_factory=dict)
    received: Object = field(default_factory=dict)

    @classmethod
    def failed(cls, error: AgentError) -> CallReport:
        """A call that did not come about."""
        return cls(result=error.result, reason=str(error))

    def as_object(self) -> Object:
        """Ready for json.dumps."""
        call = {
            "result": self.result,
            "reason": self.reason,
            "room": self.room,
            "ring_ms": rounded(self.ring_ms),
            "answer_ms": rounded(self.answer_ms),
            "seconds": rounded(self.seconds, 3),
        }
        return {"call": call, "sent": self.sent, "received": self.received}


def sent(player: Player | None, packets: dict[str, int]) -> Object:
    """What went out: of the clip, and in packets."""
    told: Object = {}
    if player is not None and player.audio is not None:
        told["audio"] = {
            "packets": packets.get("audio", 0),
            "seconds": rounded(player.seconds, 3),
            "clip_packets": player.audio.sent.packets,
        }
    if player is not None and player.video is not None:
        counted = player.video.sent
        told["video"] = {
            "frames": counted.frames,
            "keyframes": counted.keyframes,
            "bridged": counted.bridged,
            "stills": counted.stills,
            "untaken": counted.untaken,
            "packets": packets.get("video", 0),
            "codec": player.video.codec,
            "passed_through": player.clip.passed_through,
        }
    return told


def received(heard: Heard) -> Object:
    """What came in from one participant."""
    sync = heard.verifier.lip_sync()
    return {
        "user": heard.user,
        "audio": _audio(heard.verifier),
        "video": _video(heard),
        "lip_sync_ms": rounded(sync.worst_ms) if sync else None,
        "lip_sync_median_ms": rounded(sync.median_ms) if sync else None,
        "lip_sync_pairs": sync.pairs if sync else 0,
    }


def _audio(verifier: Verifier) -> Object:
    packets, lost = verifier.packets("audio")
    energy = verifier.energy / verifier.samples if verifier.samples else 0.0
    return {
        "packets": packets,
        "lost": lost,
        "seconds": rounded(verifier.samples / AUDIO_CLOCK, 3),
        "rms": rounded(energy**0.5, 5),
        "beeps": verifier.sounds.beeps,
        "beeps_missing": verifier.sounds.missing,
        "beeps_repeated": verifier.sounds.repeated,
    }


def _video(heard: Heard) -> Object:
    pictures = heard.verifier.pictures
    packets, lost = heard.verifier.packets("video")
    marked = pictures.marked > 0
    return {
        "frames": pictures.frames,
        "missing": pictures.missing if marked else None,
        "repeated": pictures.repeated if marked else None,
        "first_frame_ms": rounded((pictures.first_at - heard.since) * 1000) if pictures.first_at else None,
        "width": heard.verifier.width,
        "height": heard.verifier.height,
        "longest_gap_ms": rounded(pictures.longest_gap_s * 1000),
        "marked": pictures.distinct,
        "misordered": pictures.misordered if marked else None,
        "first_number": pictures.first_number,
        "packets": packets,
        "lost": lost,
    }


def rounded(value: float | None, digits: int = 1) -> float | None:
    """For people, and for stable output."""
    return None if value is None else round(value, digits)
