"""What a benchmark of failures found: figures that are only told, and losses, of which there must be none."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """One line of the table; `of` is how many there could have been, `holds` is None where nothing is required."""

    what: str
    value: float
    unit: str = ""
    of: int | None = None
    holds: bool | None = None


def told(what: str, value: float, unit: str = "") -> Outcome:
    """A figure."""
    return Outcome(what, round(value, 2), unit)


def none_of(what: str, value: int, of: int | None = None) -> Outcome:
    """Losses: there must be none."""
    return Outcome(what, value, of=of, holds=value == 0)


def report(title: str, found: list[Outcome], output: Path) -> None:
    """Print the table and write it; ends the program with status 1 where something was lost."""
    table = Table("what", "value", "", title=title, title_justify="left")
    for one in found:
        value = f"{one.value:g}" + (f" of {one.of:,}" if one.of is not None else "")
        table.add_row(one.what, f"{value} {one.unit}".strip(), {None: "", True: "holds", False: "LOST"}[one.holds])
    Console().print(table)
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")
    if any(one.holds is False for one in found):
        raise SystemExit(1)
