"""What is read from call history, what it is searched by, and how the end of a talk finds its call.

An accepted call ends with the first end at or after its decision that is for everybody in its room or for who
accepted it: one who leaves and is called again has two calls in one room, each with its own end.
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
class Call:
    """One call of history."""

    record: CallRecord
    end: End | None
    """Of an accepted call; None while it goes on."""
    missed_by: tuple[str, ...]

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
