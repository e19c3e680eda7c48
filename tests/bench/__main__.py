"""`make bench`: what everything costs, beside floors and peers: one command, one table.

options -> **command** -> running -> rows/* -> table, build/bench.json, docs/performance.md

A row that cannot be measured says why and doesn't end the others.  Ctrl-C ends all that was started; what was measured
by then is kept.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console

from tests.bench import document
from tests.bench.effort import FULL, QUICK, ROOT, Bench, Effort
from tests.bench.family import Family, chosen
from tests.bench.machine import described
from tests.bench.row import Row
from tests.bench.rows import FAMILIES
from tests.bench.running import Evidence, rows_of

DOCUMENT = ROOT / "docs" / "performance.md"
QUICKER = 6
"""A quick run takes about this much less."""

_told = Console(stderr=True, highlight=False)

EVIDENCE = Evidence(
    name="bench",
    output=ROOT / "build" / "bench.json",
    document=DOCUMENT,
    order=[name for family in FAMILIES for name in family.ids],
    write=lambda entries, order: document.write(DOCUMENT, entries, described(), order),
    say=_told.print,
)


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
    EVIDENCE.gather(lambda bench: measured(families, bench), effort)


if __name__ == "__main__":
    main()
