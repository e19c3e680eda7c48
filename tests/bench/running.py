"""Families' rows, whatever happens to them, when they were measured, and where they go.

command, tests.quality -> **running** -> rows/* -> table, results, document
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import results
from tests.bench.effort import ROOT, Bench, Cores, Effort, Unmeasured
from tests.bench.family import Family
from tests.bench.results import Entry
from tests.bench.row import Row, unmeasured
from tests.bench.table import TITLE, show


def rows_of(family: Family, bench: Bench, say: Callable[[str], None]) -> Iterator[Row]:
    """The family's rows; those that cannot be measured say why."""
    seen: set[str] = set()
    try:
        for row in family.measure(bench):
            seen.add(row.what)
            yield row
    except Unmeasured as error:
        why = str(error)
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
    else:
        return
    say(f"   [red]not measured:[/] {why}")
    yield from (unmeasured(name, family.about, why) for name in family.ids if name not in seen)


def dated(rows: Iterable[Row], effort: Effort) -> Iterator[Entry]:
    """The rows as measured now."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return (Entry(row, at, effort.quick) for row in rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a command measures: where it goes, and who is told."""

    name: str
    output: Path
    document: Path
    order: Sequence[str]
    """Every row's id, as the output has them."""
    write: Callable[[Sequence[Entry], Sequence[str]], None]
    """Puts entries into the document, in the order of these ids."""
    say: Callable[[str], None]
    title: str = TITLE

    def gather(self, measured: Callable[[Bench], Iterable[Iterable[Row]]], effort: Effort) -> None:
        """Measure, write after each family, print; status 1 if a row could not be measured."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        entries: list[Entry] = []
        try:
            with tempfile.TemporaryDirectory(prefix=f"tertulia-{self.name}-") as directory:
                bench = Bench(effort, Cores.of_this_machine(), Path(directory), lambda text: self.say(f"   {text}"))
                for rows in measured(bench):
                    entries += dated(rows, effort)
                    results.write(self.output, results.merged(results.read(self.output), entries, self.order))
        except KeyboardInterrupt:
            show((entry.row for entry in entries), title=self.title)
            kept = self.output.relative_to(ROOT)
            raise SystemExit(f"ended early; what was measured is in {kept}") from None
        self._finish([entry.row for entry in entries], effort)

    def _finish(self, rows: Sequence[Row], effort: Effort) -> None:
        """Print the table; write the document, unless these are no figures for it."""
        show(rows, title=self.title)
        document = self.document.relative_to(ROOT)
        if effort.quick:
            self.say(f"{document} is left as it is (a quick run)")
        else:
            entries = [entry for entry in results.read(self.output) if not entry.quick]
            self.write(entries, self.order)
            self.say(f"{document} has the figures")
        failed = [row.what for row in rows if row.value is None]
        raise SystemExit(f"not measured: {', '.join(failed)}" if failed else 0)
