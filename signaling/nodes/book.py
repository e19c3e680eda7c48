"""Which nodes there are and which one gets the next room.  No I/O."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .contract import Load, Register


@dataclass(frozen=True, slots=True)
class Node:
    """One node.  `socket` is None while it is away; `process` is the signaling process it is, or was, connected to."""

    card: Register
    load: Load
    socket: str | None
    process: str
    opened: int = 0
    """Rooms placed here since its last load report, which does not count them yet."""

    @property
    def name(self) -> str:
        """Its name, `sfuN`."""
        return self.card.node

    @property
    def filled(self) -> float:
        """Which part of its capacity is taken, counting two peers for each room it has just been given."""
        return (self.load.peers + 2 * self.opened) / self.card.capacity.peers


def by_load(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """The nodes that can take a room, the least loaded first."""
    able = (node for node in nodes if node.socket is not None and node.filled < 1)
    return tuple(sorted(able, key=lambda node: (node.filled, node.load.cpu, node.name)))
