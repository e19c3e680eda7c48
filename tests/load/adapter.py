"""What a server has to do to stand behind WHIP and WHEP: the contract between the front and the adapters.

front -> **adapter** (janus, relay)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol


class Refused(Exception):
    """An offer that the server cannot take; the text says why."""


@dataclass(frozen=True, slots=True)
class Joined:
    """A connection that was made: the answer, and what ends it."""

    answer: str
    leave: Callable[[], Awaitable[None]]


class Adapter(Protocol):
    """A server in which rooms come to be by somebody's publishing or watching."""

    async def publish(self, room: str, name: str, offer: str) -> Joined:
        """Send into a room; raises Refused."""

    async def watch(self, room: str, name: str, offer: str) -> Joined:
        """Receive the others in a room; raises Refused."""
