"""The section of docs/quality.md that full figures go to, between two markers.

results, machine -> **document** -> docs/quality.md
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.bench.document import obtained, put, table_line
from tests.bench.machine import described
from tests.bench.results import Entry
from tests.support.browser import CHROMIUM

BEGIN = "<!-- make quality: begin -->"
END = "<!-- make quality: end -->"


def write(file: Path, entries: Sequence[Entry], missing: Sequence[str]) -> None:
    """Put the section in the place of the one before; raises Unmeasured if the file has no place for it."""
    put(file, BEGIN, END, section(entries, [described()[0], browser()], missing))


def section(entries: Sequence[Entry], machine: Sequence[str], missing: Sequence[str]) -> str:
    """The machine, the table, what it lacks, and how each figure was obtained."""
    days = sorted({entry.at[:10] for entry in entries})
    lines = [f"Measured on {', '.join(days)}. {'. '.join(machine)}.", ""]
    lines += ["| id | what | value | direct call | bar | holds |", "|---|---|---:|---:|---:|---|"]
    lines += [table_line(entry, floor=False) for entry in entries]
    if missing:
        lines += ["", f"Not measured fully yet: {', '.join(f'`{one}`' for one in missing)}."]
    lines += ["", *obtained(entries), ""]
    return "\n".join(lines)


def browser() -> str:
    """Which Chromium it was."""
    told = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+(\.\d+)+", told.stdout)
    return f"Chromium {found[0] if found else 'of an unknown version'}"
