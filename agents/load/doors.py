"""How a participant gets in, whatever the server speaks.

tester -> **doors** -> front_door (signaling and node) or whip (any server) -> endpoint
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from agents.load.endpoint import Endpoint, Studio
from agents.load.joining import JoinTimes
from agents.load.plan import Member


@dataclass(frozen=True, slots=True)
class Chair:
    """One participant's place in the run."""

    room: int
    """From 1."""
    number: int
    """From 1, in the room."""
    member: Member
    place: int
    """From 0, in the whole run."""

    @property
    def is_host(self) -> bool:
        """Opens the room and stays in it to the end."""
        return self.number == 1


class Participant(Protocol):
    """Somebody who is in."""

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """Its connections."""

    async def leave(self) -> None:
        """Out again; never raises for what the server says."""

    async def dismiss(self) -> None:
        """The same at the end of a run, when all others leave as well; who opened the room comes first."""


class Door(Protocol):
    """The way in."""

    async def open(self, count: int) -> None:
        """Get ready for so many participants, before the clock runs; AgentError if it cannot be."""

    async def join(self, studio: Studio, chair: Chair, times: JoinTimes) -> Participant:
        """Let one in, up to his connection; AgentError says why not."""

    async def close(self) -> None:
        """Take back what `open` made; again is harmless."""

    def forget_rooms(self) -> None:
        """Everybody has left: the next run opens rooms of its own."""


@dataclass(slots=True)
class Audience:
    """Who sends in which room now: whether somebody who joins can hear anything."""

    _senders: dict[int, int] = field(default_factory=dict)

    def came(self, chair: Chair) -> None:
        """Somebody is connected."""
        self._senders[chair.room] = self._senders.get(chair.room, 0) + chair.member.sends

    def left(self, chair: Chair) -> None:
        """Somebody is out."""
        self._senders[chair.room] = self._senders.get(chair.room, 0) - chair.member.sends

    def can_hear(self, chair: Chair) -> bool:
        """Whether somebody else sends in his room."""
        return chair.member.receives and self._senders.get(chair.room, 0) > 0
