"""Everybody of a room who can be shown, kept in the order in which they deserve a seat.

room (who is there, who spoke) -> **candidates** -> seating (seats: who sits where)

Screens first, then who spoke last, then who came first.  A large room changes by one at a time, so the order is kept,
and a member is offered no more of it than could matter for his seats.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from sfu.room.seats import Occupant, Wish
from sfu.room.tracks import PeerId, SeatSource


class _Place(NamedTuple):
    """Where somebody stands; less is better."""

    not_a_screen: bool
    silence: int
    """The last turn in which he spoke, negative; 0: never."""
    arrival: int
    source: int
    """Which of his own."""


_Entry = tuple[_Place, Occupant]


def _place(entry: _Entry) -> _Place:
    return entry[0]


class Candidates:
    """The order, and who stands where in it."""

    def __init__(self) -> None:
        self._order: list[_Entry] = []
        self._of: dict[PeerId, list[_Entry]] = {}
        self._peers: dict[str, dict[PeerId, None]] = {}
        """Of each participant."""
        self._arrivals: dict[PeerId, int] = {}
        self._spoke: dict[PeerId, int] = {}
        self._turns = 0

    def enter(self, peer: PeerId) -> None:
        """The peer has come, behind all who are there."""
        self._arrivals[peer] = next(reversed(self._arrivals.values()), 0) + 1

    def leave(self, peer: PeerId, participant: str) -> None:
        """The peer is gone; again is harmless."""
        self.put(peer, participant, ())
        self._arrivals.pop(peer, None)
        self._spoke.pop(peer, None)

    def put(self, peer: PeerId, participant: str, sources: Sequence[SeatSource]) -> None:
        """The peer can be shown with these, and with nothing else."""
        for entry in self._of.pop(peer, ()):
            del self._order[bisect_left(self._order, entry[0], key=_place)]
        peers = self._peers.setdefault(participant, {})
        peers.pop(peer, None)
        if sources:
            peers[peer] = None
            self._of[peer] = [self._entry(peer, participant, *source) for source in enumerate(sources)]
        for entry in self._of.get(peer, ()):
            insort(self._order, entry, key=_place)
        if not peers:
            del self._peers[participant]

    def spoke(self, peers: Iterable[PeerId]) -> None:
        """These speak now: they come before those who spoke earlier."""
        self._turns += 1
        for peer in peers:
            self._spoke[peer] = self._turns
            if entries := self._of.get(peer):
                self.put(peer, entries[0][1].participant, [one.source for _, one in entries])

    def head(self, count: int) -> list[Occupant]:
        """The first so many."""
        return [one for _, one in self._order[:count]]

    def for_seats(self, peer: PeerId, now: Collection[Occupant | None], wishes: Mapping[int, Wish]) -> list[Occupant]:
        """Those who could get a seat of `peer`'s, in order: as good as all of them, and few."""
        count = len(now) + 1  # he himself may be among the first
        found = self._order[:count]
        for wish in wishes.values():
            found += islice(self._matching(wish), count)
        for sitting in now:
            found += self._of.get(sitting.peer, ()) if sitting else ()
        unique = sorted(dict.fromkeys(found), key=_place)
        return [one for _, one in unique if one.peer != peer]

    def _matching(self, wish: Wish) -> Iterator[_Entry]:
        """Those who are what was asked for, in order."""
        if wish.participant is None:
            return (entry for entry in self._order if wish.wants(entry[1]))
        theirs = (entry for peer in self._peers.get(wish.participant, ()) for entry in self._of[peer])
        return (entry for entry in sorted(theirs, key=_place) if wish.wants(entry[1]))

    def _entry(self, peer: PeerId, participant: str, number: int, source: SeatSource) -> _Entry:
        place = _Place(source != "screen", -self._spoke.get(peer, 0), self._arrivals[peer], number)
        return place, Occupant(peer, participant, source)
