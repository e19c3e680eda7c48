"""The nodes that are connected to this process, and what is said to them.

nodes, reports, absences -> **connections** -> gateway/sockets -> node
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import msgspec

from ..errors import StateAway
from ..gateway.sockets import Sockets
from ..qss.frames import Wire
from ..qss.identifiers import RoomId
from ..state import Directory
from . import commands

NAMESPACE = "/nodes"


class Connections:
    """The socket of each node that has registered here, by the node's name."""

    def __init__(self, sockets: Sockets, directory: Directory) -> None:
        # Given to us.
        self._sockets = sockets
        self._directory = directory
        # Ours.
        self._here: dict[str, str] = {}

    def of(self, node: str) -> str | None:
        """The socket of a node, if it is connected to this process."""
        return self._here.get(node)

    def came(self, node: str, socket: str) -> None:
        """A node is reached over this socket from now on; an older one is cut."""
        older, self._here[node] = self._here.get(node), socket
        if older is not None and older != socket:
            self._sockets.disconnect(older, NAMESPACE, for_good=True)

    def went(self, node: str, socket: str) -> bool:
        """A socket is gone; False if the node was not reached over it."""
        if self._here.get(node) != socket:
            return False
        del self._here[node]
        return True

    def register_again(self) -> None:
        """Have the nodes that are connected here come again and say what they carry: we may have missed it."""
        for socket in self._here.values():
            self.reconnect(socket)

    def reconnect(self, socket: str) -> None:
        """Have the node at a socket come again."""
        self._sockets.disconnect(socket, NAMESPACE, for_good=False)

    def tell(
        self, socket: str, command: str, data: Wire, callback: Callable[..., Awaitable[None]] | None = None
    ) -> None:
        """Send a command without waiting; `callback` gets the acknowledgement."""
        text = msgspec.json.encode(data).decode()
        self._sockets.emit(command, text, to=socket, namespace=NAMESPACE, callback=callback)

    def close_room(self, socket: str, room: RoomId, data: Wire) -> None:
        """Have a room closed, which is remembered until the node has confirmed it."""

        async def confirmed(*_ack: object) -> None:
            with suppress(StateAway):  # it is remembered a little longer
                await self._directory.closed(room)

        self.tell(socket, commands.CLOSE_ROOM, data, confirmed)
