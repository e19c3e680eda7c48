"""How well media travels, room by room, as signaling knows it and as it is now.

room (`rated`, `figures`) -> **rated** -> link (`quality` reports) -> signaling (SAPI)

A room whose grades have changed is told whole, so that a report that was lost costs nothing once another comes.  Who
is not named is good.  A report is bounded; what finds no place in it comes with the next.  Rooms that were told longest
ago come first, so that none is kept waiting by others which change all the time.  Figures change always: they come with
the grades, and the places that are left go to rooms whose grades are known already.
"""

from collections.abc import Iterable
from typing import Final

from sfu.room.figures import WireFigures
from sfu.room.quality import WORST_FIRST, Quality
from sfu.room.room import Room

MAX_ROOMS: Final = 100
"""Of one report."""
MAX_PARTICIPANTS: Final = 200
"""Of one room in it: the worst."""
MAX_ENTRIES: Final = 200
"""Participants of one report, with one room more: some 60 KiB, of the 64 that signaling takes."""

Ratings = dict[str, Quality]


class Rated:
    """What signaling has been told."""

    def __init__(self) -> None:
        self._told: dict[str, Ratings | None] = {}
        """Those told longest ago first.

        None: it may know something else, and has to be told whatever is the case.  In the others all are good.
        """

    def forget(self) -> None:
        """Signaling may have missed or lost it."""
        self._told = dict.fromkeys(self._told)

    def report(self, rooms: Iterable[Room]) -> dict[str, object] | None:
        """Rooms that have changed, then others with figures; they all count as told.  None if there are none."""
        now = {room.id: room for room in rooms if room.rated or room.figures or room.id in self._told}
        self._told = {name: told for name, told in self._told.items() if name in now}
        fresh = [name for name in now if name not in self._told]
        longest_ago_first = [(now[name], self._told.get(name, {}), _worst(now[name])) for name in (*fresh, *self._told)]
        changed = [(room, ratings) for room, told, ratings in longest_ago_first if told != ratings]
        measured = [(room, ratings) for room, told, ratings in longest_ago_first if told == ratings and room.figures]
        reported: list[dict[str, object]] = []
        entries = 0
        for room, ratings in (*changed, *measured):
            if len(reported) == MAX_ROOMS or entries > MAX_ENTRIES:
                break
            figures = _figures(room, ratings)
            reported.append({"room": room.id, "participants": ratings, "figures": figures})
            entries += len(ratings.keys() | figures.keys())
            self._told.pop(room.id, None)  # to the end
            self._told[room.id] = ratings
        return {"rooms": reported} if reported else None


def _worst(room: Room) -> Ratings:
    """As many as a report has a place for."""
    if len(room.rated) <= MAX_PARTICIPANTS:
        return dict(room.rated)
    return dict(sorted(room.rated.items(), key=lambda rated: WORST_FIRST.index(rated[1]))[:MAX_PARTICIPANTS])


def _figures(room: Room, ratings: Ratings) -> dict[str, WireFigures]:
    """Of as many, those first whose grades are told."""
    first = [name for name in ratings if name in room.figures]
    others = [name for name in room.figures if name not in ratings]
    return {name: room.figures[name].wire() for name in (*first, *others)[:MAX_PARTICIPANTS]}
