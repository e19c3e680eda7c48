"""Who sits where: one peer's seats, filled out of everybody who can be shown.

candidates, wishes, who sits there now -> **seats** -> who sits there next

1. A seat whose wish names somebody who is there shows that one.
2. The others show the first candidates that are left, in the order given; whoever sits already stays put.

So with seats enough everybody has one, and a change touches only the seats that it is about.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sfu.room.tracks import PeerId, SeatSource


@dataclass(frozen=True, slots=True)
class Occupant:
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


Seating = Mapping[int, Occupant | None]


def fill(now: Seating, candidates: Sequence[Occupant], wishes: Mapping[int, Wish]) -> dict[int, Occupant | None]:
    """The next occupant of each seat in `now`; `candidates` stand in the order in which they deserve a seat."""
    wished = _honour(now, candidates, wishes)
    taken = set(wished.values())
    free = [seat for seat in sorted(now) if seat not in wished]
    chosen = list(islice((candidate for candidate in candidates if candidate not in taken), len(free)))
    staying = {seat: now[seat] for seat in free if now[seat] in chosen}
    newcomers = iter([candidate for candidate in chosen if candidate not in staying.values()])
    seated = {seat: staying[seat] if seat in staying else next(newcomers, None) for seat in free}
    return {seat: wished[seat] if seat in wished else seated[seat] for seat in sorted(now)}


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
