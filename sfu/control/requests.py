"""The requests a client can make, as types: what does not fit its type is answered 400 and goes no further.

frame -> **requests** -> dialogue
"""

from collections.abc import Mapping
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct

from sfu.errors import BadRequest
from sfu.room.room import TrackLabel
from sfu.room.seats import Wish
from sfu.room.tracks import SeatSource, Source
from sfu.room.views import Look, lines
from sfu.sdp.lines import MAX_SDP_BYTES

MAX_NAME_CHARS = 256
MAX_ENTRIES = 256
MIN_STATS_S, MAX_STATS_S = 2, 60
"""Between two `stats` events: the node looks every 2 s."""

Sdp = Annotated[str, Meta(min_length=1, max_length=MAX_SDP_BYTES)]
Name = Annotated[str, Meta(max_length=MAX_NAME_CHARS)]
Key = Annotated[str, Meta(max_length=64)]
Pixels = Annotated[int, Meta(ge=0, le=16_384)]
Priority = Annotated[int, Meta(ge=0, le=255)]

T = TypeVar("T")


class Join(Struct, frozen=True):
    """`join`: the first offer."""

    sdp: Sdp


class Offer(Struct, frozen=True):
    """`offer`: any later one."""

    sdp: Sdp


class Label(Struct, frozen=True):
    """What one m-line carries."""

    source: Source | None = None
    muted: bool | None = None


class SeatWish(Struct, frozen=True):
    """What the user wants to see in one seat, and how large and how urgent it is."""

    participant: Name | None = None
    source: SeatSource | None = None
    width: Pixels | None = None
    height: Pixels | None = None
    priority: Priority | None = None

    def wish(self) -> Wish | None:
        """Who is asked for; None: whoever the node puts there."""
        if self.participant is None and self.source is None:
            return None
        return Wish(self.participant, self.source or "camera")

    def look(self) -> Look:
        """How it is looked at."""
        return Look(lines(self.width, self.height), self.priority)


class View(Struct, frozen=True):
    """`view`: what the user looks at; seats that are not named are the node's to fill."""

    seats: Annotated[dict[Key, SeatWish | None], Meta(max_length=MAX_ENTRIES)]

    def wishes(self) -> dict[int, Wish]:
        """Who is asked for, by seat."""
        return {seat: wish for seat, asked in self._asked().items() if (wish := asked.wish())}

    def looks(self) -> dict[int, Look]:
        """How each seat is looked at."""
        return {seat: asked.look() for seat, asked in self._asked().items()}

    def _asked(self) -> dict[int, SeatWish]:
        seats = {_seat(text): asked for text, asked in self.seats.items()}
        return {seat: asked for seat, asked in seats.items() if asked is not None}


def _seat(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):
        raise BadRequest(f"seats are numbered 0, 1, 2, ..., not {text!r}")
    return int(text)


class Stats(Struct, frozen=True):
    """`stats`: be told of one's own media so often; without a number no more."""

    every_s: Annotated[float, Meta(ge=MIN_STATS_S, le=MAX_STATS_S)] | None = None


class Leave(Struct, frozen=True):
    """`leave`: the peer goes."""


Tracks = Annotated[dict[Key, Label], Meta(max_length=MAX_ENTRIES)]


def labels(tracks: Mapping[str, Label]) -> dict[str, TrackLabel]:
    """`tracks` as the room's rules take it."""
    return {mid: TrackLabel(label.source, label.muted) for mid, label in tracks.items()}


class Hello(Struct, frozen=True):
    """How a client introduces itself: Socket.IO's `auth`, the WebSocket's first message.  With `peer` it resumes."""

    room: Name
    token: Name
    peer: Name | None = None
    id: int | Name | None = None


class Frame(Struct, frozen=True):
    """One request on the plain WebSocket."""

    event: Name
    id: int | Name | None = None
    data: object = None


REQUESTS: Final[Mapping[str, object]] = {
    "join": Join,
    "offer": Offer,
    "tracks": Tracks,
    "view": View,
    "stats": Stats,
    "leave": Leave,
}
"""Every event a client may send, and the type of its data.  The dialogue has a method of the same name for each."""


def read(data: object, type_: type[T], *, what: str) -> T:
    """`data` as a `type_`; BadRequest names what does not fit."""
    try:
        return msgspec.convert(data, type_)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{what}: {error}") from None
    except (RecursionError, OverflowError, UnicodeError):
        raise BadRequest(f"{what}: cannot be read") from None


def decode(text: str | bytes, type_: type[T], *, what: str) -> T:
    """JSON text as a `type_`; BadRequest names what does not fit."""
    try:
        return msgspec.json.decode(text, type=type_)
    except msgspec.DecodeError as error:
        raise BadRequest(f"{what}: {error}") from None
    except (RecursionError, OverflowError, UnicodeError):
        raise BadRequest(f"{what}: cannot be read") from None
