"""How bodies, queries and answers of SAPI look: the base of their types, and the texts that several of them hold.

The types are the one source: requests are checked against them, and the OpenAPI document is generated from them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, TypeVar

from msgspec import UNSET, Meta, Struct, UnsetType

T = TypeVar("T")

PRINTABLE = r"^[^\x00-\x1f\x7f]*$"  # databases do not keep a NUL, and people do not read the others

Reference = Annotated[str, Meta(min_length=1, max_length=254, pattern=PRINTABLE)]
"""An id of 24 hex digits, or a name."""
Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
DomainName = Annotated[str, Meta(pattern=r"^[a-z0-9]([a-z0-9.-]{0,188}[a-z0-9])?$")]
DisplayName = Annotated[str, Meta(max_length=128, pattern=PRINTABLE)]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]
NewPassword = Annotated[str, Meta(min_length=8, max_length=1024)]
PrintableText = Annotated[str, Meta(max_length=254, pattern=PRINTABLE)]
Token = Annotated[str, Meta(min_length=1, max_length=4096)]
Cursor = Annotated[str, Meta(max_length=254, pattern=PRINTABLE)]
Limit = Annotated[int, Meta(ge=1, le=1000)]
Score = Annotated[float, Meta(ge=1, le=5)]
"""Of a call: 1.0 is of no use, 5.0 leaves nothing to wish for."""
EpochMs = Annotated[int, Meta(ge=0, le=2**53)]


class Wire(Struct, frozen=True, rename="camel", forbid_unknown_fields=True):
    """Base of everything that is sent or answered."""


class Problem(Wire, frozen=True, kw_only=True):
    """An error (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


class Page(Wire, frozen=True, kw_only=True):
    """Which part of a list: what comes behind `after`, at most `limit`."""

    after: Cursor = ""
    limit: Limit = 100


class DomainPage(Page, frozen=True, kw_only=True):
    """Which part of a list that each domain has."""

    domain: DomainName | UnsetType = UNSET
    """Another than one's own, for administrators of all."""


def behind(found: Sequence[T], limit: int, place: Callable[[T], str]) -> str | UnsetType:
    """The `after` of the next page, made of the place of the last that was found; none if this page is not full."""
    return place(found[-1]) if len(found) == limit else UNSET


def given(value: T | UnsetType) -> T | None:
    """A value that may be left out."""
    return None if isinstance(value, UnsetType) else value
