"""Figures that a document has already, of families that were not measured anew: they stay as they are.

document -> **kept**

A section says where and when its figures were measured; those that stay say so for themselves.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from tests.bench.results import family_of

_FORMER = re.compile(r"^(?:Kept from before: (?P<families>.+?)\. )?(?P<header>Measured on .+)$", re.MULTILINE)
_LINE = re.compile(r"^\| `(?P<what>[^`]+)` \|.*$", re.MULTILINE)
_HOW = re.compile(r"^- `(?P<what>[^`]+)`: .*$", re.MULTILINE)
_NAME = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Kept:
    """The figures of one family."""

    family: str
    header: str
    """Where and when they were measured."""
    lines: tuple[str, ...]
    """Of the table."""
    how: tuple[str, ...]
    """How each was obtained, where it says so."""


def kept(section: str, measured: Collection[str]) -> list[Kept]:
    """What a section has of families that are not among those measured now."""
    headers: dict[str, str] = {}
    main = ""
    for found in _FORMER.finditer(section):
        families = _NAME.findall(found["families"] or "")
        main = main if families else found["header"]
        headers |= dict.fromkeys(families, found["header"])
    lines, how = _by_family(_LINE.finditer(section)), _by_family(_HOW.finditer(section))
    return [
        Kept(family, headers.get(family, main), tuple(found), tuple(how.get(family, ())))
        for family, found in lines.items()
        if family not in measured
    ]


def told(families: Iterable[Kept]) -> list[str]:
    """A line for each place and time."""
    by_header: dict[str, list[str]] = {}
    for one in families:
        by_header.setdefault(one.header, []).append(one.family)
    return [f"Kept from before: {_names(names)}. {header}" for header, names in by_header.items()]


def _names(families: Sequence[str]) -> str:
    return ", ".join(f"`{family}`" for family in families)


def _by_family(found: Iterable[re.Match[str]]) -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for one in found:
        lines.setdefault(family_of(one["what"]), []).append(one[0])
    return lines
