"""How figures are written for people, in the table and in the document.

row -> **figures** -> table, document
"""

from __future__ import annotations

from tests.bench.row import Row


def number(value: float | None) -> str:
    """Three digits or so, thousands apart."""
    if value is None:
        return ""
    if value == 0 or abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def value(row: Row) -> str:
    """The figure with its unit, or that there is none."""
    return "—" if row.value is None else f"{number(row.value)} {row.unit}".strip()


def bar(row: Row) -> str:
    """What is asked for."""
    return "" if row.bar is None else f"{'≥' if row.least else '≤'} {number(row.bar)}"


def verdict(row: Row) -> str:
    """Whether that holds."""
    return {None: "", True: "yes", False: "NO"}[row.holds]
