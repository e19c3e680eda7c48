"""The section of docs/performance.md that full figures go to, between two markers.

results, machine -> **document** (kept) -> docs/performance.md
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.bench.effort import Unmeasured
from tests.bench.figures import bar, number, value, verdict
from tests.bench.kept import kept, told
from tests.bench.results import Entry, family_of, place

BEGIN = "<!-- make bench: begin -->"
END = "<!-- make bench: end -->"


@dataclass(frozen=True, slots=True)
class Form:
    """What a document's section looks like."""

    begin: str
    end: str
    head: tuple[str, str]
    """Of the table."""
    floor: bool = True
    """Whether it has a column of floors."""


PERFORMANCE = Form(
    BEGIN,
    END,
    ("| id | what | value | floor | peer | bar | holds |", "|---|---|---:|---:|---:|---:|---|"),
)


def write(
    file: Path, entries: Sequence[Entry], machine: Sequence[str], order: Sequence[str], form: Form = PERFORMANCE
) -> None:
    """Put the section in the place of the one before, but for figures of families (`order`) that were not measured.

    Raises Unmeasured if the file has no place for it.
    """
    text = file.read_text()
    if text.count(form.begin) != 1 or text.count(form.end) != 1 or text.index(form.begin) > text.index(form.end):
        raise Unmeasured(f"{file} has no place for the figures: {form.begin} and {form.end}, once each")
    before, _, rest = text.partition(form.begin)
    former, _, after = rest.partition(form.end)
    file.write_text(f"{before}{form.begin}\n{section(entries, machine, order, form, former)}{form.end}{after}")


def section(entries: Sequence[Entry], machine: Sequence[str], order: Sequence[str], form: Form, former: str) -> str:
    """Where it was measured, the table, what it lacks, and how each figure was obtained."""
    stays = kept(former, {family_of(entry.row.what) for entry in entries})
    days = sorted({entry.at[:10] for entry in entries})
    lines = [f"Measured on {', '.join(days)}. {'. '.join(machine)}.", ""]
    for line in told(stays):
        lines += [line, ""]
    rows = [(place(order, entry.row.what), table_line(entry, floor=form.floor)) for entry in entries]
    rows += [(place(order, one.family), line) for one in stays for line in one.lines]
    lines += [*form.head, *(line for _, line in sorted(rows, key=lambda row: row[0]))]
    there = {family_of(entry.row.what) for entry in entries} | {one.family for one in stays}
    if missing := [name for name in order if family_of(name) not in there]:
        lines += ["", f"Not measured fully yet: {', '.join(f'`{one}`' for one in missing)}."]
    how = [(place(order, what), line) for what, line in obtained(entries)]
    how += [(place(order, one.family), line) for one in stays for line in one.how]
    return "\n".join([*lines, "", *(line for _, line in sorted(how, key=lambda row: row[0])), ""])


def table_line(entry: Entry, *, floor: bool = True) -> str:
    """A row of the table; without the column of floors where nothing has one."""
    row = entry.row
    floors = (number(row.floor),) if floor else ()
    cells = (f"`{row.what}`", row.about, value(row), *floors, number(row.peer), bar(row), verdict(row))
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def obtained(entries: Iterable[Entry]) -> list[tuple[str, str]]:
    """How each figure was, by its id."""
    return [(entry.row.what, f"- `{entry.row.what}`: {entry.row.how}") for entry in entries if entry.row.how]


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")
