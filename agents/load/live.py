"""What is shown while a run goes on: on a terminal a view that is redrawn every second, elsewhere a line now and then.

run -> **live** -> terminal
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

LINE_EVERY: Final = 10
"""Seconds between lines of the same phase where there is no terminal."""
ROWS_SHOWN: Final = 12


class LiveView:
    """The view of one command."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._status = ""
        self._rows: list[dict[str, Any]] = []
        self._said: tuple[str, float] | None = None

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show it inside."""
        if not self._console.is_terminal or self._console.quiet:
            yield
            return
        with Live(self._drawn(), console=self._console, refresh_per_second=4, transient=True) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def say(self, status: str) -> None:
        """What is being done."""
        if status == self._status:
            return
        known, self._status = self._status, status
        if self._live is not None:
            self._live.update(self._drawn())
        elif status.split(" ")[0] != known.split(" ")[0]:
            self._console.print(Text(status))

    def row(self, row: dict[str, Any]) -> None:
        """Another second."""
        self._rows = [*self._rows[-ROWS_SHOWN + 1 :], row]
        if self._live is not None:
            self._live.update(self._drawn())
        elif self._said is None or row["phase"] != self._said[0] or row["t"] - self._said[1] >= LINE_EVERY:
            self._said = row["phase"], row["t"]
            self._console.print(Text(_line(row)))

    def _drawn(self) -> Panel:
        table = Table(box=None, pad_edge=False)
        for name in (
            "s",
            "",
            "in",
            "joins",
            "sent/s",
            "received/s",
            "loss",
            "delay p50",
            "p99",
            "late p99",
            "tester",
            "server",
        ):
            table.add_column(name, justify="left" if name == "" else "right")
        for row in self._rows:
            table.add_row(*_cells(row))
        return Panel(table, title=Text(self._status), title_align="left")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (
        f"{row['t']:.0f}",
        row["phase"],
        f"{row['participants']:,}",
        f"{row['joins']}" + (f" (+{row['failed_joins']} failed)" if row["failed_joins"] else ""),
        f"{row['sent']:,.0f}",
        f"{row['received']:,.0f}",
        f"{row['loss']:.2%}",
        f"{row['delay_p50_ms']:.2f} ms",
        f"{row['delay_p99_ms']:.2f} ms",
        f"{row['late_p99_ms']:.2f} ms",
        f"{row['tester_cpu_share']:.0%}",
        "—" if row["server_cpu_share"] is None else f"{row['server_cpu_share']:.0%}",
    )


def _line(row: dict[str, Any]) -> str:
    return (
        f"{row['t']:.0f} s, {row['phase']}: {row['participants']} in, {row['received']:,.0f} packets/s received, "
        f"loss {row['loss']:.2%}, delay p99 {row['delay_p99_ms']:.2f} ms"
    )
