"""What call history is told: plain values that the rules give with the end of an invitation and of a call.

rules -> effects (`Record`) -> **history** -> store

A call is one invitation that is over; `CallEnded` adds later when the talk that came of it ended, and `StayRecord` how
good it was for one who was there.  Writing any of them twice is harmless: calls are known by their `id`, stays by their
peer, and an end only fills what is still empty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# How an invitation ended: `CallRecord.reason`.
ACCEPTED: Final = "ACCEPTED"
DECLINED: Final = "DECLINED"
DECLINED_BY_CREATOR: Final = "DECLINED_BY_CREATOR"  # the inviter took it back
DECLINED_BY_TIMEOUT: Final = "DECLINED_BY_TIMEOUT"  # nobody answered: a missed call
NOBODY_REACHABLE: Final = "NOBODY_REACHABLE"
MEDIA_SERVER_LOST: Final = "MEDIA_SERVER_LOST"

# How it ended for one candidate: `CandidateRecord.reason`; ACCEPTED and DECLINED as above.
BUSY: Final = "BUSY"
ANSWERED_ELSEWHERE: Final = "ANSWERED_ELSEWHERE"
CANCELLED: Final = "CANCELLED"
TIMEOUT: Final = "TIMEOUT"
DISCONNECTED: Final = "DISCONNECTED"
LOST: Final = "LOST"


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateRecord:
    """One device that was rung, and how it ended for it."""

    user: str
    device: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One invitation that is over."""

    id: str
    """The requestID that its devices were rung with."""
    room: str
    inviter: str
    inviter_device: str
    to: str
    """The user or the group that was called."""
    invitees: tuple[str, ...]
    accepted_by: str | None
    media: tuple[str, ...]
    """Of `audio` and `video`."""
    created_ms: int
    decided_ms: int
    reason: str
    code: int | None
    """What the inviter was told; None where it was accepted."""
    candidates: tuple[CandidateRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded:
    """The accepted calls of a room are over; with `user`, only those that he accepted."""

    room: str
    user: str | None
    ended_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StayRecord:
    """How good a room was for one peer, from connected to left, as its node has it.  Scores are 1.0 to 5.0."""

    room: str
    user: str
    peer: str
    began_ms: int
    ended_ms: int
    lasted_ms: int
    """Time in which there was something to hear or to see."""
    score: float
    worst: float
    """Of the worst 10 s."""
    audio_score: float | None
    video_score: float | None


Entry = CallRecord | CallEnded | StayRecord
