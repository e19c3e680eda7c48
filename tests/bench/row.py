"""One line of the table: a figure beside what it is held against.

rows/* -> **row** -> table, results, document
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

OF_BAR = "x bar"
"""The unit of a row that has parts: the value of its worst part, as a share of that part's bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A figure.  Its id, `what`, is the part before the first dot of the row of which it is a part."""

    what: str
    about: str
    """What is measured, in a few words."""
    value: float | None
    """None: it could not be measured; `how` says why."""
    unit: str
    floor: float | None = None
    """The least that the same work can cost, measured in the same run."""
    peer: float | None = None
    """The same figure of another server, or of a direct call, measured in the same run."""
    bar: float | None = None
    """What is asked for; None: nothing is."""
    least: bool = False
    """The value has to be at least the bar, instead of at most."""
    holds: bool | None = None
    """Whether the bar is held; None: there is none."""
    how: str = ""
    """How the figure was obtained."""

    @property
    def share_of_bar(self) -> float | None:
        """How much of the bar is used up: 1 is just held, more is not."""
        if self.value is None or self.bar is None:
            return None
        if self.least:
            return self.bar / self.value if self.value else float("inf")
        return self.value / self.bar if self.bar else (0.0 if self.value == 0 else float("inf"))


def told(what: str, about: str, value: float, unit: str, *, how: str = "") -> Row:
    """A figure of which nothing is asked."""
    return Row(what=what, about=about, value=value, unit=unit, how=how)


def at_most(
    what: str,
    about: str,
    value: float,
    unit: str,
    *,
    bar: float,
    floor: float | None = None,
    peer: float | None = None,
    how: str = "",
) -> Row:
    """A figure that may not be above its bar."""
    row = Row(what=what, about=about, value=value, unit=unit, bar=bar, floor=floor, peer=peer, how=how)
    return replace(row, holds=value <= bar)


def at_least(
    what: str,
    about: str,
    value: float,
    unit: str,
    *,
    bar: float,
    floor: float | None = None,
    peer: float | None = None,
    how: str = "",
) -> Row:
    """A figure that may not be below its bar."""
    row = Row(what=what, about=about, value=value, unit=unit, bar=bar, floor=floor, peer=peer, how=how, least=True)
    return replace(row, holds=value >= bar)


def none_of(what: str, about: str, value: int, of: int | None = None) -> Row:
    """Losses, of which there must be none."""
    return at_most(what, about, value, "" if of is None else f"of {of:,}", bar=0)


def unmeasured(what: str, about: str, why: str) -> Row:
    """A figure that there is none of: what was asked for is not shown."""
    return Row(what=what, about=about, value=None, unit="", holds=False, how=why)


def unshown(row: Row, why: str) -> Row:
    """A figure that was measured, while something that its bar is made of was not."""
    return replace(row, holds=False, how=f"{row.how}; {why}" if row.how else why)


def whole(what: str, about: str, parts: Sequence[Row]) -> Row:
    """The row that tells of its parts: it holds if all of them do, and its value is the worst share of a bar."""
    shares = [share for part in parts if (share := part.share_of_bar) is not None]
    missing = [part.what for part in parts if part.value is None]
    return Row(
        what=what,
        about=about,
        value=max(shares) if shares and not missing else None,
        unit=OF_BAR,
        bar=1.0,
        holds=all(part.holds is not False for part in parts),
        how=f"not measured: {', '.join(missing)}" if missing else "the worst of " + ", ".join(p.what for p in parts),
    )
