"""What is read from call history, what it is searched by, and how the end of a talk and its quality find their call.

An accepted call ends with the first end at or after its decision that is for everybody in its room or for who
accepted it: one who leaves and is called again has two calls in one room, each with its own end.  To a call belong the
stays of everybody who was in its room between its decision and its end (`history_query.py` says the same in SQL).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..qss.history import CallRecord
from .database import AnyRow


@dataclass(frozen=True, slots=True)
class End:
    """When and why a talk was over."""

    ended_ms: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How good a call was for one user; over all his stays, if he had several."""

    user: str
    score: float
    worst: float
    audio_score: float | None
    video_score: float | None
    lasted_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of history."""

    record: CallRecord
    end: End | None
    """Of an accepted call; None while it goes on."""
    missed_by: tuple[str, ...]
    quality: tuple[Quality, ...] = ()
    """Of each who was there and had something to hear or to see; empty as long as nobody has left."""

    @property
    def score(self) -> float | None:
        """How good it was, 1.0 to 5.0: the mean of all who were there, by how long they were."""
        return _mean((each.score, each.lasted_ms) for each in self.quality)

    @property
    def place(self) -> Place:
        """Where the next page goes on after this call."""
        return Place(self.record.created_ms, self.record.id)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in history, which runs from new to old."""

    created_ms: int
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """What is sought; what is None is not asked.  `direction` and `missed` are those of `user`, or of anybody."""

    user: str | None = None
    peer: str | None = None
    """Somebody else who took part."""
    domain: str | None = None
    """The domain of anybody who took part."""
    direction: Literal["in", "out"] | None = None
    missed: bool | None = None
    reason: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    min_score: float | None = None
    max_score: float | None = None
    """With either, only calls that have a score."""


class Ends:
    """The ends of the rooms of one page."""

    def __init__(self, rows: Iterable[AnyRow]) -> None:
        self._by_room: dict[tuple[str, str], list[End]] = defaultdict(list)
        for row in rows:
            self._by_room[row.room, row.user_id].append(End(row.ended_ms, row.reason))

    def of(self, call: CallRecord) -> End | None:
        """How the talk of a call ended."""
        if call.accepted_by is None:
            return None
        ends = self._by_room[call.room, ""] + self._by_room[call.room, call.accepted_by]
        fitting = (end for end in ends if end.ended_ms >= call.decided_ms)
        return min(fitting, key=lambda end: end.ended_ms, default=None)


class Stays:
    """The stays in the rooms of one page."""

    def __init__(self, rows: Iterable[AnyRow]) -> None:
        self._by_room: dict[str, list[AnyRow]] = defaultdict(list)
        for row in rows:
            self._by_room[row.room].append(row)

    def of(self, call: CallRecord, end: End | None) -> tuple[Quality, ...]:
        """How good a call was for each who was there."""
        if call.accepted_by is None:
            return ()
        by_user: dict[str, list[AnyRow]] = defaultdict(list)
        for row in self._by_room[call.room]:
            if row.ended_ms > call.decided_ms and (end is None or row.began_ms < end.ended_ms):
                by_user[row.user_id].append(row)
        return tuple(_summed_up(user, rows) for user, rows in by_user.items())


def _summed_up(user: str, rows: list[AnyRow]) -> Quality:
    lasted_ms = sum(row.lasted_ms for row in rows)
    return Quality(
        user=user,
        score=sum(row.score * row.lasted_ms for row in rows) / lasted_ms,
        worst=min(row.worst for row in rows),
        audio_score=_mean((row.audio_score, row.lasted_ms) for row in rows if row.audio_score is not None),
        video_score=_mean((row.video_score, row.lasted_ms) for row in rows if row.video_score is not None),
        lasted_ms=lasted_ms,
    )


def _mean(weighted: Iterable[tuple[float, int]]) -> float | None:
    """Weighted; None of nothing."""
    values = tuple(weighted)
    whole = sum(weight for _, weight in values)
    return sum(value * weight for value, weight in values) / whole if whole else None
