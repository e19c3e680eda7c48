"""The rooms that a node carries, and the home of each among the workers.

node -> **hosted** -> room (rules), placement
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from common.log import FieldLog
from sfu.errors import NodeFull, NotAdmitted, NotFound
from sfu.placement import Placement
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
    home: int
    """Index of the worker where its peers are while it is small."""


class HostedRooms:
    """By id."""

    def __init__(self, placement: Placement, *, limit: int) -> None:
        self._placement = placement
        self._limit = limit
        self._rooms: dict[str, Hosted] = {}

    def __iter__(self) -> Iterator[Hosted]:
        return iter(self._rooms.values())

    def open(self, room: str, *, record: Mapping[str, object], participants_limit: int, bitrate: int) -> None:
        """Take a room, at home on the worker that has the least to do; a room we have stays as it is."""
        if room in self._rooms:
            return
        if len(self._rooms) >= self._limit:
            raise NodeFull(self._limit)
        rules = Room(room, record=record, participants_limit=participants_limit, bitrate=bitrate)
        self._rooms[room] = Hosted(rules, self._placement.open_room())
        log.info("room_opened", room=room, home=self._rooms[room].home)

    def close(self, room: str) -> bool:
        """Forget a room; False if there was none."""
        hosted = self._rooms.pop(room, None)
        if hosted is not None:
            self._placement.close_room(hosted.home)
        return hosted is not None

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
        if hosted is None or all(grant.user != admission.participant for grant in hosted.room.grants):
            raise NotAdmitted
        return hosted
