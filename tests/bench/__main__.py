"""`make bench`: what everything costs, beside floors and peers: one command, one table.

options -> **command** -> running -> rows/* -> table, build/bench.json, docs/performance.md

A row that cannot be measured says why and doesn't end the others.  Ctrl-C ends all that was started; what was measured
by then is kept.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from tests.bench import document, results
from tests.bench.effort import FULL, QUICK, ROOT, Bench, Cores, Effort
from tests.bench.family import Family, chosen
from tests.bench.machine import described
from tests.bench.results import Entry
from tests.bench.row import Row
from tests.bench.rows import FAMILIES
from tests.bench.running import dated, rows_of
from tests.bench.table import show

OUTPUT = ROOT / "build" / "bench.json"
DOCUMENT = ROOT / "docs" / "performance.md"
ORDER = [name for family in FAMILIES for name in family.ids]
QUICKER = 6
"""A quick run takes about this much less."""

_told = Console(stderr=True, highlight=False)


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """What was asked for; a bad flag ends the program with a line of error and status 2."""
    names = [family.name for family in FAMILIES]
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", help=f"only these, with commas between them: {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} instead of {FULL}; goes to no document")
    parser.add_argument("--runs", type=int, help="measurements of each figure")
    parser.add_argument("--seconds", type=float, help="of each measurement")
    parser.add_argument("--list", action="store_true", help="say what would be measured, and how long it takes")
    given = parser.parse_args(arguments)
    try:
        given.families = list(dict.fromkeys(chosen(FAMILIES, given.rows)))
    except ValueError as error:
        parser.error(f"--rows: {error}")
    given.effort = _effort(parser, given)
    return given


def _effort(parser: argparse.ArgumentParser, given: argparse.Namespace) -> Effort:
    base = QUICK if given.quick else FULL
    runs = base.runs if given.runs is None else given.runs
    seconds = base.seconds if given.seconds is None else given.seconds
    if runs < 1 or not 1 <= seconds <= 600:
        parser.error("--runs must be at least 1, --seconds from 1 to 600")
    quick = runs < FULL.runs or seconds < FULL.seconds
    return Effort(runs, seconds, quick)


def minutes(families: Sequence[Family], effort: Effort) -> float:
    """About how long it takes."""
    share = 1 / QUICKER if effort.quick else effort.runs * effort.seconds / (FULL.runs * FULL.seconds)
    return sum(family.minutes for family in families) * share


def measured(families: Sequence[Family], bench: Bench) -> Iterator[list[Row]]:
    """The rows of one family after the other; those that cannot be measured say why."""
    for number, family in enumerate(families, 1):
        about = minutes([family], bench.effort)
        _told.print(f"[bold]{number}/{len(families)} {family.name}[/]: {family.about} (about {about:.1f} min)")
        begin = time.monotonic()
        yield list(rows_of(family, bench, _told.print))
        _told.print(f"   took {(time.monotonic() - begin) / 60:.1f} min")


def main() -> None:
    """Measure, print, write; status 1 if a row could not be measured."""
    given = options(sys.argv[1:])
    effort: Effort = given.effort
    families: list[Family] = given.families
    _told.print(f"{effort} of each figure: about {minutes(families, effort):.0f} min altogether")
    if given.list:
        for family in families:
            _told.print(f"  {family.name:12} {family.about} ({', '.join(family.ids)})")
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    entries: list[Entry] = []
    try:
        with tempfile.TemporaryDirectory(prefix="tertulia-bench-") as directory:
            bench = Bench(effort, Cores.of_this_machine(), Path(directory), lambda text: _told.print(f"   {text}"))
            for rows in measured(families, bench):
                entries += dated(rows, effort)
                results.write(OUTPUT, results.merged(results.read(OUTPUT), entries, ORDER))
    except KeyboardInterrupt:
        show(entry.row for entry in entries)
        raise SystemExit(f"ended early; what was measured is in {OUTPUT.relative_to(ROOT)}") from None
    finish([entry.row for entry in entries], effort)


def finish(rows: Sequence[Row], effort: Effort) -> None:
    """Print the table; write the document, unless these are no figures for it."""
    show(rows)
    if effort.quick:
        _told.print(f"{DOCUMENT.relative_to(ROOT)} is left as it is (a quick run)")
    else:
        entries = [entry for entry in results.read(OUTPUT) if not entry.quick]
        missing = [name for name in ORDER if name not in {entry.row.what for entry in entries}]
        document.write(DOCUMENT, entries, described(), missing)
        _told.print(f"{DOCUMENT.relative_to(ROOT)} has the figures")
    failed = [row.what for row in rows if row.value is None]
    raise SystemExit(f"not measured: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
