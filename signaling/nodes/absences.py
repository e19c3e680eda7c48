"""Nodes that are away: their media goes on, and they may come back, here or to another process.

link, caretaker -> **absences** -> state, rescue

A node that stays away longer than `node_away_s` is lost; its rooms go on at others, as far as these take them.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import suppress

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import StateAway
from ..keeper import Keeper
from ..qss.identifiers import Instant
from ..state import State
from ..timers import Timers
from .connections import Connections
from .rescue import Rescue

log = FieldLog(__name__)


class Absences:
    """How long each node that was connected to this process is waited for."""

    def __init__(
        self, *, config: SignalingConfig, state: State, keeper: Keeper, connections: Connections, rescue: Rescue
    ) -> None:
        # Given to us.
        self._config = config
        self._state = state
        self._keeper = keeper
        self._connections = connections
        self._rescue = rescue
        # Ours.
        self._timers = Timers(self._on_time, state.now)

    async def close(self) -> None:
        """Disarm our timers."""
        await self._timers.close()

    async def began(self, name: str, socket: str) -> None:
        """A node's connection is gone."""
        until = Instant(self._keeper.now() + self._config.node_away_s)
        if await self._state.nodes.away(name, socket, until):
            log.warning("node_away", node=name)
            self._timers.arm(name, until)

    def ended(self, name: str) -> None:
        """A node is back."""
        self._timers.arm(name, None)

    async def too_long(self, name: str) -> None:
        """The time in which a node may come back is over.

        It is forgotten last: should we die meanwhile, it is due still, and somebody else goes on.
        """
        node = await self._state.nodes.get(name)
        if node is None or node.socket is not None:
            return
        log.warning("node_lost", node=name)
        await self._rescue.rooms_of(name)
        await self._state.nodes.forget(name)

    async def find(self, process: str) -> None:
        """A node that the state takes for connected to a process that it is not connected to is away."""
        for node in await self._state.nodes.all():
            gone = node.process == process and node.socket is not None
            here = process == self._state.process and self._connections.of(node.name) == node.socket
            if gone and not here and node.socket is not None:
                await self.began(node.name, node.socket)

    async def _on_time(self, name: Hashable) -> None:
        with suppress(StateAway):  # whoever finds it due later sees to it
            await self.too_long(str(name))
