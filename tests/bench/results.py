"""build/bench.json: every row's last figure, with when it was taken.

row -> **results** -> build/bench.json -> document

Rows can be measured alone, so a full run replaces what it has measured and keeps the others.  What a quick run finds is
kept until the next run, and by none of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.row import Row

DIGITS = 4
"""Significant digits of a figure: more would be noise."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row, when it was measured (UTC), and whether quickly."""

    row: Row
    at: str
    quick: bool = False

    def as_object(self) -> dict[str, Any]:
        """The JSON of it."""
        row = self.row
        return {
            "what": row.what,
            "about": row.about,
            "value": _rounded(row.value),
            "unit": row.unit,
            "floor": _rounded(row.floor),
            "peer": _rounded(row.peer),
            "bar": _rounded(row.bar),
            "least": row.least,
            "holds": row.holds,
            "how": row.how,
            "at": self.at,
            "quick": self.quick,
        }

    @classmethod
    def of_object(cls, found: dict[str, Any]) -> Entry:
        """The same again; raises KeyError or TypeError for what is none."""
        at, quick = found.pop("at"), found.pop("quick")
        return cls(Row(**found), at, quick)


def merged(before: Iterable[Entry], now: Sequence[Entry], order: Sequence[str]) -> list[Entry]:
    """What was measured now and, of families (`order`) that were not, what was measured fully before."""
    measured = {family_of(entry.row.what) for entry in now}
    kept = [entry for entry in before if not entry.quick and family_of(entry.row.what) not in measured]
    return sorted([*kept, *now], key=lambda entry: place(order, entry.row.what))


def family_of(what: str) -> str:
    """The id without its parts."""
    return what.partition(".")[0]


def read(file: Path) -> list[Entry]:
    """What the last run wrote; nothing if there is none, or if it is not of our making."""
    try:
        return [Entry.of_object(one) for one in json.loads(file.read_text())]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []


def write(file: Path, entries: Sequence[Entry]) -> None:
    """One object a line."""
    file.parent.mkdir(exist_ok=True)
    lines = ",\n ".join(json.dumps(entry.as_object(), ensure_ascii=False) for entry in entries)
    file.write_text(f"[{lines}]\n")


def place(order: Sequence[str], what: str) -> int:
    """Of a row's family among the others."""
    family = family_of(what)
    return order.index(family) if family in order else len(order)


def _rounded(value: float | None) -> float | None:
    return value if value is None else float(f"{value:.{DIGITS}g}")
