"""Everybody of a room who can be shown, kept in the order in which they deserve a seat.

room (who is there, who spoke) -> **candidates** -> seating (seats: who sits where)

Screens first, then who spoke last, then who came first.  A large room changes by one at a time, so the order is kept,
and a member is offered no more of it than could matter for his seats.
"""

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice, takewhile
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

    def put(self, peer: PeerId, participant: str, sources: Sequence[SeatSource]) -> set[SeatSource]:
        """The peer can be shown with these, and with nothing else; which of them are new."""
        before = {one.source for _, one in self._of.get(peer, ())}
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
        return set(sources) - before

    def spoke(self, peers: Sequence[PeerId]) -> None:
        """These speak now, the dominant one first: they come before those who spoke earlier."""
        for peer in reversed(peers):
            self._turns += 1
            self._spoke[peer] = self._turns
            if entries := self._of.get(peer):
                self.put(peer, entries[0][1].participant, [one.source for _, one in entries])

    def cameras(self, peers: Iterable[PeerId]) -> list[Occupant]:
        """What these are seen with when they speak, of those who can be."""
        return [one for peer in peers for _, one in self._of.get(peer, ()) if one.source == "camera"]

    def for_seats(
        self,
        peer: PeerId,
        now: Collection[Occupant | None],
        wishes: Mapping[int, Wish],
        speakers: Iterable[Occupant] = (),
    ) -> list[Occupant]:
        """Those who could get a seat of `peer`'s, in order: as good as all of them, and few."""
        seated = {one for one in now if one}
        found = [entry for who in {one.peer for one in (*seated, *speakers)} for entry in self._of.get(who, ())]
        others = (entry for entry in self._order if entry[1] not in seated)
        for entries in (others, *map(self._matching, wishes.values())):
            found += islice((entry for entry in entries if entry[1].peer != peer), len(now))
        unique = sorted(dict.fromkeys(found), key=_place)
        return [one for _, one in unique if one.peer != peer]

    def _matching(self, wish: Wish) -> Iterator[_Entry]:
        """Those who are what was asked for, in order."""
        if wish.participant is None:
            screens = takewhile(lambda entry: entry[1].source == "screen", self._order)
            return screens if wish.source == "screen" else (entry for entry in self._order if wish.wants(entry[1]))
        theirs = (entry for peer in self._peers.get(wish.participant, ()) for entry in self._of[peer])
        return (entry for entry in sorted(theirs, key=_place) if wish.wants(entry[1]))

    def _entry(self, peer: PeerId, participant: str, number: int, source: SeatSource) -> _Entry:
        place = _Place(source != "screen", -self._spoke.get(peer, 0), self._arrivals[peer], number)
        return place, Occupant(peer, participant, source)
