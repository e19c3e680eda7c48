"""The one table that a run prints.

row -> **table** -> terminal
"""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from tests.bench.figures import bar, number, value, verdict
from tests.bench.row import Row

WIDTH = 160
TITLE = "Tertulia beside floors and peers"
COLUMNS = ("id", "what", "value", "floor", "peer", "bar", "holds")
RIGHT = {"value", "floor", "peer", "bar"}


def show(rows: Iterable[Row], console: Console | None = None, *, title: str = TITLE) -> None:
    """Print it; under a row that could not be measured stands why."""
    table = Table(title=title, title_justify="left")
    for name in COLUMNS:
        table.add_column(name, justify="right" if name in RIGHT else "left", overflow="fold")
    for row in rows:
        about = f"{row.about}\n[dim]{row.how}[/]" if row.value is None and row.how else row.about
        style = "bold red" if row.holds is False else ""
        table.add_row(
            row.what, about, value(row), number(row.floor), number(row.peer), bar(row), verdict(row), style=style
        )
    (console or Console(width=WIDTH)).print(table)
