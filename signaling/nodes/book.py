"""Which nodes there are and which one gets the next room.  No I/O."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace

from ..qss.identifiers import RoomId
from .contract import Load, Register

REMEMBERED_CLOSINGS = 10_000  # rooms whose end their node has not confirmed; the oldest are forgotten first


@dataclass(frozen=True, slots=True)
class Node:
    """One node.  `socket` is None while it is away."""

    card: Register
    load: Load
    socket: str | None
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


class NodeBook:
    """The nodes by name, and what they still have to be told."""

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._closing: OrderedDict[RoomId, str] = OrderedDict()

    def register(self, card: Register, socket: str) -> Node | None:
        """The node is here; gives what was known of it."""
        before = self._nodes.get(card.node)
        self._nodes[card.node] = Node(card, card.load, socket)
        return before

    def get(self, name: str) -> Node | None:
        """The node called `name`, here or away."""
        return self._nodes.get(name)

    def all(self) -> tuple[Node, ...]:
        """Every node, here or away."""
        return tuple(self._nodes.values())

    def of_socket(self, socket: str) -> Node | None:
        """The node registered over this connection."""
        return next((node for node in self._nodes.values() if node.socket == socket), None)

    def away(self, socket: str) -> Node | None:
        """The connection is gone: its node is away."""
        node = self.of_socket(socket)
        if node is not None:
            self._nodes[node.name] = replace(node, socket=None)
        return node

    def forget(self, name: str) -> None:
        """The node does not come back."""
        self._nodes.pop(name, None)

    def reported(self, socket: str, load: Load) -> None:
        """A node's load report."""
        if node := self.of_socket(socket):
            self._nodes[node.name] = replace(node, load=load, opened=0)

    def placed(self, name: str) -> None:
        """A room has been given to a node."""
        if node := self._nodes.get(name):
            self._nodes[name] = replace(node, opened=node.opened + 1)

    def by_load(self) -> tuple[Node, ...]:
        """The nodes that can take a room, the least loaded first."""
        able = (node for node in self._nodes.values() if node.socket is not None and node.filled < 1)
        return tuple(sorted(able, key=lambda node: (node.filled, node.load.cpu, node.name)))

    def closing(self, room: RoomId, name: str) -> None:
        """The node has to close a room, and has not said that it did."""
        self._closing[room] = name
        self._closing.move_to_end(room)
        while len(self._closing) > REMEMBERED_CLOSINGS:
            self._closing.popitem(last=False)

    def closed(self, room: RoomId) -> None:
        """The node has closed a room."""
        self._closing.pop(room, None)

    def is_closing(self, room: RoomId) -> bool:
        """Whether a room is over, whatever its node says."""
        return room in self._closing
