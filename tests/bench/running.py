"""One family's rows, whatever happens to it, and when they were measured.

command, tests.quality -> **running** -> rows/*
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from tests.bench.effort import Bench, Effort, Unmeasured
from tests.bench.family import Family
from tests.bench.results import Entry
from tests.bench.row import Row, unmeasured


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
