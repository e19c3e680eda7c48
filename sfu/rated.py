"""Whose media does not travel well, room by room, as signaling knows it and as it is now.

room (`rated`) -> **rated** -> link (`quality` reports) -> signaling (SAPI)

A room that has changed is told whole, so that a report that was lost costs nothing once another comes.  Who is not
named is good.  A report is bounded; what finds no place in it comes with the next.  Rooms that were told longest ago
come first, so that none is kept waiting by others which change all the time.
"""

from collections.abc import Iterable
from typing import Final

from sfu.room.quality import WORST_FIRST, Quality
from sfu.room.room import Room

MAX_ROOMS: Final = 100
"""Of one report."""
MAX_PARTICIPANTS: Final = 200
"""Of one room in it: the worst."""
MAX_ENTRIES: Final = 400
"""Participants of one report, with one room more: some 20 KiB."""

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
        """The rooms that have changed, which then count as told; None if there are none."""
        now = {room.id: _worst(room) for room in rooms if room.rated or room.id in self._told}
        self._told = {name: told for name, told in self._told.items() if name in now}
        changed: dict[str, Ratings] = {}
        entries = 0
        fresh = [name for name in now if name not in self._told]
        for name in (*fresh, *self._told):
            ratings = now[name]
            if len(changed) == MAX_ROOMS or entries > MAX_ENTRIES:
                break
            if self._told.get(name, {}) != ratings:
                changed[name] = ratings
                entries += len(ratings)
        self._told = {name: told for name, told in self._told.items() if name not in changed}
        self._told |= changed
        told = [{"room": name, "participants": ratings} for name, ratings in changed.items()]
        return {"rooms": told} if told else None


def _worst(room: Room) -> Ratings:
    """As many as a report has a place for."""
    if len(room.rated) <= MAX_PARTICIPANTS:
        return dict(room.rated)
    return dict(sorted(room.rated.items(), key=lambda rated: WORST_FIRST.index(rated[1]))[:MAX_PARTICIPANTS])
