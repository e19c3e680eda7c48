"""The section of docs/performance.md that full figures go to, between two markers.

results, machine -> **document** -> docs/performance.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.bench.effort import Unmeasured
from tests.bench.figures import bar, number, value, verdict
from tests.bench.results import Entry

BEGIN = "<!-- make bench: begin -->"
END = "<!-- make bench: end -->"


def write(file: Path, entries: Sequence[Entry], machine: Sequence[str], missing: Sequence[str] = ()) -> None:
    """Put the section in the place of the one before; raises Unmeasured if the file has no place for it."""
    put(file, BEGIN, END, section(entries, machine, missing))


def put(file: Path, begin: str, end: str, section: str) -> None:
    """Put a text between two markers; raises Unmeasured if the file has no place for it."""
    text = file.read_text()
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise Unmeasured(f"{file} has no place for the figures: {begin} and {end}, once each")
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(end)
    file.write_text(f"{before}{begin}\n{section}{end}{after}")


def section(entries: Sequence[Entry], machine: Sequence[str], missing: Sequence[str]) -> str:
    """The machine, the table, what it lacks, and how each figure was obtained."""
    days = sorted({entry.at[:10] for entry in entries})
    lines = [f"Measured on {', '.join(days)}. {'. '.join(machine)}.", ""]
    lines += ["| id | what | value | floor | peer | bar | holds |", "|---|---|---:|---:|---:|---:|---|"]
    lines += [table_line(entry) for entry in entries]
    if missing:
        lines += ["", f"Not measured fully yet: {', '.join(f'`{one}`' for one in missing)}."]
    lines += ["", *obtained(entries), ""]
    return "\n".join(lines)


def table_line(entry: Entry, *, floor: bool = True) -> str:
    """A row of the table; without the column of floors where nothing has one."""
    row = entry.row
    floors = (number(row.floor),) if floor else ()
    cells = (f"`{row.what}`", row.about, value(row), *floors, number(row.peer), bar(row), verdict(row))
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def obtained(entries: Iterable[Entry]) -> list[str]:
    """How each figure was."""
    return [f"- `{entry.row.what}`: {entry.row.how}" for entry in entries if entry.row.how]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
