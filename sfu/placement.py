"""Which worker a new peer goes to.

watch (CPU time of workers) ─▶ **placement** ◀─ hosted (rooms, peers)

Handing a track over to another worker costs that worker's own copy of it, so the peers of a room stay together on its
*home* while it is small.  A big room would outgrow any one core: its later peers go wherever there is the most room.
No clocks, no core: CPU time and the moment it was read are passed in.
"""

from collections import Counter
from collections.abc import Sequence

SPREAD_FROM = 50
"""Peers of a room from which it may spread: below, a worker of its own saves less than a copy of each track costs."""
PEER_SHARE = 1 / 1_000
"""Of a core, that a peer is reckoned with: CPU time is known some seconds late, and a thousand may join meanwhile."""
MARGIN = 20 * PEER_SHARE
"""By so much another worker has to be better than home to be worth it."""


class Placement:
    """The workers of a node: what each carries and how busy it is."""

    def __init__(self, workers: int) -> None:
        self._peers = [0] * workers
        self._rooms = [0] * workers
        self._of_room: Counter[str] = Counter()
        self._busy = [0.0] * workers
        self._read: tuple[float, Sequence[int]] | None = None

    @property
    def peers(self) -> tuple[int, ...]:
        """Peers that each worker carries."""
        return tuple(self._peers)

    @property
    def busy(self) -> tuple[float, ...]:
        """The share of a core, 0 to 1, that each worker took between the last two measurements."""
        return tuple(self._busy)

    def measured(self, cpu_ns: Sequence[int], now: float) -> None:
        """CPU time that each worker has used until `now` (seconds on any one clock)."""
        if self._read is not None and now > self._read[0]:
            since, before = self._read
            spent = [after - one for after, one in zip(cpu_ns, before, strict=True)]
            self._busy = [ns * 1e-9 / (now - since) for ns in spent]
        self._read = (now, tuple(cpu_ns))

    def open_room(self) -> int:
        """A home for a new room: where the load is least, and of equals where the fewest rooms are."""
        home = min(range(len(self._peers)), key=lambda worker: (self._load(worker), self._rooms[worker]))
        self._rooms[home] += 1
        return home

    def close_room(self, home: int) -> None:
        """A room is no more; its peers leave by themselves."""
        self._rooms[home] -= 1

    def place(self, room: str, home: int) -> int:
        """The worker of the room's next peer."""
        best = min(range(len(self._peers)), key=self._load)
        is_big = self._of_room[room] >= SPREAD_FROM
        return best if is_big and self._load(home) > self._load(best) + MARGIN else home

    def enter(self, room: str, worker: int) -> None:
        """A peer of the room is there now."""
        self._peers[worker] += 1
        self._of_room[room] += 1

    def leave(self, room: str, worker: int) -> None:
        """A peer of the room has gone."""
        self._peers[worker] -= 1
        self._of_room[room] -= 1
        if not self._of_room[room]:
            del self._of_room[room]

    def _load(self, worker: int) -> float:
        return self._busy[worker] + PEER_SHARE * self._peers[worker]
