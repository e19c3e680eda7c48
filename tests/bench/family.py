"""Rows that are measured together.

command -> **family** <- rows/*
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from tests.bench.effort import Bench
from tests.bench.row import Row


@dataclass(frozen=True, slots=True)
class Family:
    """A name to ask for them by, and what measures them."""

    name: str
    about: str
    minutes: float
    """About how long a full run takes."""
    measure: Callable[[Bench], Iterator[Row]]
    rows: tuple[str, ...] = ()
    """The ids of its rows, parts not counted, where they aren't just its name."""

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its rows."""
        return self.rows or (self.name,)


def chosen(families: Sequence[Family], names: str | None) -> Iterator[Family]:
    """Those named by family or id, with commas between; all, if none is.  ValueError says which there is none of."""
    if names is None:
        yield from families
        return
    for name in filter(None, names.split(",")):
        found = [family for family in families if name in (family.name, *family.ids)]
        if not found:
            raise ValueError(f"there is no {name!r}, but {', '.join(family.name for family in families)}")
        yield from found
