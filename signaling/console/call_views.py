"""Calls as people and machines read them, with names where there still are names."""

from __future__ import annotations

from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from ..qss.history import ACCEPTED
from ..store import Store
from ..store.history import Call, Quality
from .parts import cell, local_time


@dataclass(frozen=True, slots=True)
class History:
    """A page of history, and what those in it are called."""

    calls: tuple[Call, ...]
    names: dict[str, str]
    whose: str | None
    """The user whose history it is; None: everybody's."""

    @classmethod
    async def of(cls, store: Store, calls: tuple[Call, ...], whose: str | None) -> History:
        """These calls, with the names of whoever took part."""
        return cls(calls, await _names(store, calls), whose)

    def as_table(self) -> Table:
        """A line a call, the newest first."""
        ways = ("",) if self.whose else ()
        table = Table("when", *ways, "call", "result", "talk", "score", "devices", box=box.SIMPLE)
        for call in self.calls:
            direction = ("out" if call.record.inviter == self.whose else "in",) if self.whose else ()
            who = f"{self._name(call.record.inviter)} → {self._called(call)}"
            ends = Text("\n", overflow="fold").join(self._ends(call))
            when = local_time(call.record.created_ms)
            table.add_row(when, *direction, cell(who), self._result(call), talk(call), score(call), ends)
        return table

    def as_json(self) -> dict[str, object]:
        """The calls as SAPI tells them, and the names beside them."""
        return {"calls": [_json(call) for call in self.calls], "names": self.names}

    def _name(self, who: str) -> str:
        return self.names.get(who, who)

    def _called(self, call: Call) -> str:
        taker, to = call.record.accepted_by, self._name(call.record.to)
        return to if taker in (None, call.record.to) else f"{to} ({self._name(str(taker))})"

    def _result(self, call: Call) -> str:
        is_missed = self.whose in call.missed_by if self.whose else bool(call.missed_by)
        return f"{call.record.reason}, missed" if is_missed else call.record.reason

    def _ends(self, call: Call) -> list[Text]:
        return [cell(f"{self._name(end.user)}/{end.device} {end.reason}") for end in call.record.candidates]


def talk(call: Call) -> str:
    """How long they talked."""
    if call.record.reason != ACCEPTED:
        return ""
    if call.end is None:
        return "goes on"
    minutes, seconds = divmod((call.end.ended_ms - call.record.decided_ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def score(call: Call) -> str:
    """How good it was, 1.0 to 5.0."""
    return "" if call.score is None else f"{call.score:.1f}"


async def _names(store: Store, calls: tuple[Call, ...]) -> dict[str, str]:
    told: dict[str, str] = {}
    for who in sorted({who for call in calls for who in (call.record.inviter, call.record.to, *call.record.invitees)}):
        found = await store.users.by_id(who)
        if found is not None:
            told[who] = found.username
        elif group := await store.groups.by_id(who):
            told[who] = f"{group.name}@{group.domain}"
    return told


def _json(call: Call) -> dict[str, object]:
    record, end = call.record, call.end
    return {
        "id": record.id,
        "room": record.room,
        "from": record.inviter,
        "to": record.to,
        "invitees": record.invitees,
        "acceptedBy": record.accepted_by,
        "media": record.media,
        "createdAt": record.created_ms,
        "decidedAt": record.decided_ms,
        "endedAt": end.ended_ms if end else None,
        "endReason": end.reason if end else None,
        "reason": record.reason,
        "code": record.code,
        "missedBy": call.missed_by,
        "candidates": [{"user": c.user, "device": c.device, "reason": c.reason} for c in record.candidates],
        "score": call.score and round(call.score, 2),
        "quality": [_quality(quality) for quality in call.quality],
    }


def _quality(quality: Quality) -> dict[str, object]:
    scores = {
        "score": quality.score,
        "worst": quality.worst,
        "audioScore": quality.audio_score,
        "videoScore": quality.video_score,
    }
    told = {name: None if value is None else round(value, 2) for name, value in scores.items()}
    return {"user": quality.user, **told, "seconds": round(quality.lasted_ms / 1000, 1)}
