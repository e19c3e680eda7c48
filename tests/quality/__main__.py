"""`make quality`: how good calls are over bad networks, beside direct calls over the same: one command, one table.

options -> **command** -> rows/* -> table, build/quality.json, docs/quality.md

A row that cannot be measured says why and doesn't end the others.  Ctrl-C ends all that was started; what was measured
by then is kept.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.bench import results
from tests.bench.effort import ROOT, Bench, Cores, Effort
from tests.bench.family import Family, chosen
from tests.bench.results import Entry
from tests.bench.row import Row
from tests.bench.running import dated, rows_of
from tests.bench.table import show
from tests.quality import document
from tests.quality.rows import FAMILIES

OUTPUT = ROOT / "build" / "quality.json"
DOCUMENT = ROOT / "docs" / "quality.md"
ORDER = [name for family in FAMILIES for name in family.ids]
TITLE = "Calls through the node over bad networks; peer: a direct call over the same"
FULL = Effort(runs=1, seconds=30.0)
QUICK = Effort(runs=1, seconds=8.0, quick=True)

_told = Console(stderr=True, highlight=False)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; a bad flag ends the program with a line of error and status 2."""
    names = ", ".join(family.name for family in FAMILIES)
    parser = argparse.ArgumentParser(prog="make quality", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", help=f"only these, with commas between them: {names}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} instead of {FULL}; goes to no document")
    parser.add_argument("--list", action="store_true", help="say what would be measured, and how long it takes")
    given = parser.parse_args(arguments)
    try:
        given.families = list(dict.fromkeys(chosen(FAMILIES, given.rows)))
    except ValueError as error:
        parser.error(f"--rows: {error}")
    given.effort = QUICK if given.quick else FULL
    return given


def main() -> None:
    """Measure, print, write; status 1 if a row could not be measured."""
    given = options(sys.argv[1:])
    effort: Effort = given.effort
    families: list[Family] = given.families
    if given.list:
        for family in families:
            _told.print(f"  {family.name:12} {family.about} (about {family.minutes:g} min)")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    entries: list[Entry] = []
    try:
        with tempfile.TemporaryDirectory(prefix="tertulia-quality-") as directory:
            bench = Bench(effort, Cores.of_this_machine(), Path(directory), lambda text: _told.print(f"   {text}"))
            for number, family in enumerate(families, 1):
                _told.print(f"[bold]{number}/{len(families)} {family.name}[/]: {family.about}")
                entries += dated(rows_of(family, bench, _told.print), effort)
                results.write(OUTPUT, results.merged(results.read(OUTPUT), entries, ORDER))
    except KeyboardInterrupt:
        show((entry.row for entry in entries), title=TITLE)
        raise SystemExit(f"ended early; what was measured is in {OUTPUT.relative_to(ROOT)}") from None
    finish([entry.row for entry in entries], effort)


def finish(rows: Sequence[Row], effort: Effort) -> None:
    """Print the table; write the document, unless these are no figures for it."""
    show(rows, title=TITLE)
    if effort.quick:
        _told.print(f"{DOCUMENT.relative_to(ROOT)} is left as it is (a quick run)")
    else:
        entries = [entry for entry in results.read(OUTPUT) if not entry.quick]
        missing = [name for name in ORDER if name not in {entry.row.what for entry in entries}]
        document.write(DOCUMENT, entries, missing)
        _told.print(f"{DOCUMENT.relative_to(ROOT)} has the figures")
    failed = [row.what for row in rows if row.value is None]
    raise SystemExit(f"not measured: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
