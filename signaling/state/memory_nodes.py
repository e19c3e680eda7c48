"""The nodes in this process's memory: who is there, and the rooms that a node still has to close."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from ..nodes.book import Node
from ..nodes.contract import Load, Register
from ..qss.identifiers import Instant, RoomId
from . import REMEMBERED_CLOSINGS
from .deliveries import ProcessId


class MemoryDirectory:
    """The nodes by name.  That one stays away too long is seen by the process's own timer."""

    def __init__(self, process: ProcessId) -> None:
        self._process = process
        self._nodes: dict[str, Node] = {}
        self._closing: OrderedDict[RoomId, str] = OrderedDict()
        self._opening: set[RoomId] = set()

    async def register(self, card: Register, socket: str) -> bool:
        """The node is here; False if another instance of this name is connected."""
        before = self._nodes.get(card.node)
        if before is not None and before.socket is not None and before.card.instance != card.instance:
            return False
        self._nodes[card.node] = Node(card, card.load, socket, self._process)
        return True

    async def away(self, name: str, socket: str, until: Instant) -> bool:
        """The connection is gone: its node is away, unless it has a newer one."""
        node = self._nodes.get(name)
        if node is None or node.socket != socket:
            return False
        self._nodes[name] = replace(node, socket=None)
        return True

    async def forget(self, name: str) -> bool:
        """The node does not come back; False if it is here."""
        node = self._nodes.get(name)
        if node is None or node.socket is not None:
            return False
        del self._nodes[name]
        return True

    async def get(self, name: str) -> Node | None:
        """The node called `name`, here or away."""
        return self._nodes.get(name)

    async def all(self) -> tuple[Node, ...]:
        """Every node, here or away."""
        return tuple(self._nodes.values())

    async def reported(self, name: str, load: Load) -> None:
        """A node's load report."""
        if node := self._nodes.get(name):
            self._nodes[name] = replace(node, load=load, opened=0)

    async def placed(self, name: str, room: RoomId) -> None:
        """A room has been given to a node, which is being told."""
        self._opening.add(room)
        if node := self._nodes.get(name):
            self._nodes[name] = replace(node, opened=node.opened + 1)

    async def opened(self, room: RoomId) -> None:
        """The node has been told of the room."""
        self._opening.discard(room)

    async def opening(self) -> frozenset[RoomId]:
        """Rooms that their nodes are being told of."""
        return frozenset(self._opening)

    def closing(self, room: RoomId, name: str) -> None:
        """The node has to close a room, and has not said that it did."""
        self._closing[room] = name
        self._closing.move_to_end(room)
        while len(self._closing) > REMEMBERED_CLOSINGS:
            self._closing.popitem(last=False)

    async def closed(self, room: RoomId) -> None:
        """Its node has closed a room."""
        self._closing.pop(room, None)

    async def is_closing(self, room: RoomId) -> bool:
        """Whether a room is over, whatever its node says."""
        return room in self._closing
