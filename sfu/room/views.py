"""How large and how urgent the picture in a seat is: what the client said, else what the rules say.

control (`view`) -> room -> **views** -> effects (`View`) -> core, which shares the receiver's path out

A picture is measured by its lines.  A client may tell a width instead, or both: pictures are 16 wide for 9 high, so a
box that is higher than that (a portrait) shows the middle of a picture of as many lines as its width has use for.
"""

from dataclasses import dataclass
from typing import Final

from sfu.room.seats import Occupant, Wish
from sfu.room.tracks import PeerId

WIDTH, HEIGHT = 16, 9
"""Of a picture, beside each other."""

SCREEN: Final = 200
"""A shared screen is what everybody looks at, and text has to be sharp."""
DOMINANT: Final = 150
NAMED: Final = 120
"""Somebody whom the client asked for by name."""
OTHER: Final = 100


@dataclass(frozen=True, slots=True)
class Look:
    """How a client looks at a seat."""

    height: int | None = None
    """Lines of picture that it has use for; 0: the seat is hidden, None: as many as there are."""
    priority: int | None = None
    """0 (thumbnail) to 255, of whoever sits there as was wished; None: the rules decide."""


ANYHOW: Final = Look()


def lines(width: int | None, height: int | None) -> int | None:
    """Lines of picture that a box of this size has use for; the smaller where both are given."""
    by_width = None if width is None else -(-width * HEIGHT // WIDTH)
    return min((found for found in (by_width, height) if found is not None), default=None)


def priority(look: Look, occupant: Occupant, wish: Wish | None, dominant: PeerId | None) -> int:
    """How much the seat's picture matters beside the receiver's others."""
    is_wished = wish is None or wish.wants(occupant)
    if look.priority is not None and is_wished:
        return look.priority
    if occupant.source == "screen":
        return SCREEN
    if occupant.peer == dominant:
        return DOMINANT
    is_named = wish is not None and wish.participant is not None and is_wished
    return NAMED if is_named else OTHER
