"""The rooms that a node carries, and the worker of each.

node -> **hosted** -> room (rules)
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.log import FieldLog
from sfu.errors import NodeFull, NotAdmitted, NotFound
from sfu.room.room import Room

log = FieldLog(__name__)


@dataclass(frozen=True, slots=True)
class Admission:
    """A user whose token opened a room."""

    room: str
    participant: str


@dataclass(frozen=True, slots=True)
class Hosted:
    """A room with what the node keeps beside its rules."""

    room: Room
    worker: int


class HostedRooms:
    """By id.  All peers of a room are on one worker."""

    def __init__(self, *, workers: int, limit: int) -> None:
        self._workers = workers
        self._limit = limit
        self._rooms: dict[str, Hosted] = {}

    def __iter__(self) -> Iterator[Hosted]:
        return iter(self._rooms.values())

    def open(self, room: str, *, record: Mapping[str, object], participants_limit: int, bitrate: int) -> None:
        """Take a room, on the worker that carries the fewest peers; a room we have stays as it is."""
        if room in self._rooms:
            return
        if len(self._rooms) >= self._limit:
            raise NodeFull(self._limit)
        rules = Room(room, record=record, participants_limit=participants_limit, bitrate=bitrate)
        self._rooms[room] = Hosted(rules, self._least_loaded())
        log.info("room_opened", room=room, worker=self._rooms[room].worker)

    def close(self, room: str) -> bool:
        """Forget a room; False if there was none."""
        return self._rooms.pop(room, None) is not None

    def get(self, room: str) -> Hosted | None:
        """A room, if it is here."""
        return self._rooms.get(room)

    def need(self, room: str) -> Hosted:
        """A room; raises NotFound."""
        hosted = self._rooms.get(room)
        if hosted is None:
            raise NotFound("no such room")
        return hosted

    def admit(self, room: str, token: str) -> Admission:
        """Whose token this is; nothing is allocated, and every failure looks the same."""
        hosted = self._rooms.get(room)
        if hosted is None:
            raise NotAdmitted
        return Admission(room, hosted.room.grants.admitted(token).user)

    def admitted(self, admission: Admission) -> Hosted:
        """The room, if the user is still admitted: a grant may be revoked between connecting and joining."""
        hosted = self._rooms.get(admission.room)
        if hosted is None or admission.participant not in hosted.room.grants:
            raise NotAdmitted
        return hosted

    def _least_loaded(self) -> int:
        peers: Counter[int] = Counter()
        for hosted in self._rooms.values():
            peers[hosted.worker] += 1 + 100 * len(hosted.room.members)
        return min(range(self._workers), key=lambda worker: peers[worker])
