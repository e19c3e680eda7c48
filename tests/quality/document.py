"""The section of docs/quality.md that full figures go to, between two markers.

results, machine -> **document** -> docs/quality.md
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.bench import document
from tests.bench.document import Form
from tests.bench.machine import described
from tests.bench.results import Entry
from tests.support.browser import CHROMIUM

QUALITY: Final = Form(
    "<!-- make quality: begin -->",
    "<!-- make quality: end -->",
    ("| id | what | value | direct call | bar | holds |", "|---|---|---:|---:|---:|---|"),
    floor=False,
)


def write(file: Path, entries: Sequence[Entry], order: Sequence[str]) -> None:
    """Put the section in the place of the one before; raises Unmeasured if the file has no place for it."""
    document.write(file, entries, [described()[0], browser()], order, QUALITY)


def browser() -> str:
    """Which Chromium it was."""
    told = subprocess.run([CHROMIUM, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    found = re.search(r"\d+(\.\d+)+", told.stdout)
    return f"Chromium {found[0] if found else 'of an unknown version'}"
