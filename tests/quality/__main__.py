"""`make quality`: how good calls are over bad networks, beside direct calls over the same: one command, one table.

options -> **command** -> rows/* -> table, build/quality.json, docs/quality.md

A row that cannot be measured says why and doesn't end the others.  Ctrl-C ends all that was started; what was measured
by then is kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from rich.console import Console

from tests.bench.effort import ROOT, Bench, Effort
from tests.bench.family import Family, chosen
from tests.bench.row import Row
from tests.bench.running import Evidence, rows_of
from tests.quality import document
from tests.quality.rows import FAMILIES

DOCUMENT = ROOT / "docs" / "quality.md"
FULL = Effort(runs=1, seconds=30.0)
QUICK = Effort(runs=1, seconds=8.0, quick=True)

_told = Console(stderr=True, highlight=False)

EVIDENCE = Evidence(
    name="quality",
    output=ROOT / "build" / "quality.json",
    document=DOCUMENT,
    order=[name for family in FAMILIES for name in family.ids],
    write=lambda entries, order: document.write(DOCUMENT, entries, order),
    say=_told.print,
    title="Calls through the node over bad networks; peer: a direct call over the same",
)


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
    EVIDENCE.gather(lambda bench: _measured(families, bench), effort)


def _measured(families: Sequence[Family], bench: Bench) -> Iterator[list[Row]]:
    """The rows of one family after the other."""
    for number, family in enumerate(families, 1):
        _told.print(f"[bold]{number}/{len(families)} {family.name}[/]: {family.about}")
        yield list(rows_of(family, bench, _told.print))


if __name__ == "__main__":
    main()
