"""Who sits where: one peer's seats, filled out of everybody who can be shown.

candidates, wishes, who speaks, who sits there now -> **seats** -> who sits there next

1. A seat whose wish names somebody who is there shows that one.
2. Whoever sits elsewhere stays put.
3. Empty seats show the first candidates that are left, in the order given: screens, who speaks, who spoke, who came.
4. A screen without a seat takes that of the last camera in that order.
5. So does a speaker without a seat, but of a camera that is silent, and not where a speaker has just taken a seat.

So with seats enough everybody has one; with too few nobody's picture is replaced but by one that matters now, and then
that of whoever spoke longest ago.  A seat that was wished for is never taken, nor is the dominant speaker's by another
speaker; where all others speak, he takes one of theirs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sfu.room.tracks import PeerId, SeatSource


class Occupant(NamedTuple):
    """What a seat can show: one source of one peer."""

    peer: PeerId
    participant: str
    source: SeatSource


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asked to see in a seat.  Without a participant, any with that source."""

    participant: str | None = None
    source: SeatSource = "camera"

    def wants(self, occupant: Occupant) -> bool:
        """Whether `occupant` is what was asked for."""
        return occupant.source == self.source and self.participant in (None, occupant.participant)


@dataclass(frozen=True, slots=True)
class Talk:
    """Who may take a seat of somebody else's, and which seats they may not take."""

    dominant: PeerId | None = None
    """Who leads the talk; perhaps silent for a moment."""
    speakers: Sequence[Occupant] = ()
    """Who speaks now, the dominant one first."""
    kept: Collection[int] = ()
    """Seats that a speaker took a moment ago."""


NO_TALK = Talk()

Seating = Mapping[int, Occupant | None]


def fill(
    now: Seating, candidates: Sequence[Occupant], wishes: Mapping[int, Wish], talk: Talk = NO_TALK
) -> dict[int, Occupant | None]:
    """The next occupant of each seat in `now`; `candidates` stand in the order in which they deserve a seat."""
    wished = _honour(now, candidates, wishes)
    plan = _Plan(candidates, dict(wished), frozenset(wished))
    for seat in sorted(now.keys() - wished.keys()):
        plan.keep(seat, now[seat])
    plan.fill_empty(now)
    for screen in [one for one in candidates if one.source == "screen"]:
        plan.take_from_last(screen, plan.cameras())
    for speaker in talk.speakers:
        plan.take_from_last(speaker, _silent(plan.cameras(), speaker, talk))
    return {seat: plan.seated.get(seat) for seat in sorted(now)}


@dataclass(slots=True)
class _Plan:
    """Who has a seat so far."""

    candidates: Sequence[Occupant]
    seated: dict[int, Occupant]
    wished: frozenset[int]
    _rank: dict[Occupant, int] = field(init=False)
    _sitting: set[Occupant] = field(init=False)

    def __post_init__(self) -> None:
        self._rank = {one: rank for rank, one in enumerate(self.candidates)}
        self._sitting = set(self.seated.values())

    def keep(self, seat: int, occupant: Occupant | None) -> None:
        """Whoever sits there stays, if he can still be shown and has no other seat."""
        if occupant in self._rank and occupant not in self._sitting:
            self._sit(seat, occupant)

    def fill_empty(self, now: Seating) -> None:
        """The first who have no seat sit there, before them those of whose seat a wish has made another use."""
        moved = [one for seat in sorted(now) if (one := now[seat]) is not None and one in self._rank]
        waiting = [one for one in dict.fromkeys((*moved, *self.candidates)) if one not in self._sitting]
        empty = [seat for seat in sorted(now) if seat not in self.seated]
        for seat, occupant in zip(empty, waiting, strict=False):
            self._sit(seat, occupant)

    def cameras(self) -> dict[int, Occupant]:
        """Seats that may be taken: cameras that nobody asked for."""
        seats = self.seated.items() if len(self.wished) < len(self.seated) else ()
        return {seat: one for seat, one in seats if one.source == "camera" and seat not in self.wished}

    def take_from_last(self, newcomer: Occupant, seats: Mapping[int, Occupant]) -> None:
        """One who has no seat takes that of whoever deserves his the least."""
        if newcomer in self._sitting or newcomer not in self._rank or not seats:
            return
        seat = max(seats, key=lambda seat: self._rank[seats[seat]])
        self._sitting.discard(self.seated[seat])
        self._sit(seat, newcomer)

    def _sit(self, seat: int, occupant: Occupant) -> None:
        self.seated[seat] = occupant
        self._sitting.add(occupant)


def _silent(cameras: Mapping[int, Occupant], speaker: Occupant, talk: Talk) -> dict[int, Occupant]:
    """Of these seats, those that the speaker may take: of the silent; the dominant one of a speaker if he must."""
    free = {seat: one for seat, one in cameras.items() if seat not in talk.kept and one.peer != talk.dominant}
    silent = {seat: one for seat, one in free.items() if one not in talk.speakers}
    return silent if silent or speaker.peer != talk.dominant else free


def _honour(now: Seating, candidates: Sequence[Occupant], wishes: Mapping[int, Wish]) -> dict[int, Occupant]:
    """The seats whose wish can be met, each occupant once; who sits there already is preferred."""
    met: dict[int, Occupant] = {}
    for seat in sorted(now):
        wish = wishes.get(seat)
        if wish is None:
            continue
        matching = [one for one in candidates if wish.wants(one) and one not in met.values()]
        current = now[seat]
        if matching:
            met[seat] = current if current is not None and current in matching else matching[0]
    return met
