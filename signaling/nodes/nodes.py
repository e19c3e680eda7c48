"""Commands to nodes: rooms are opened, users admitted and cut off.

requests -> **nodes** -> state -> inbox of the node's process -> **nodes** -> connections -> node

All commands go through the inbox of the process that the node is connected to, and so reach it in the order in which
they were decided.  Those whose outcome decides an answer (`open_room`, `grant`) are awaited for at most `node_ack_s`;
of the others the state remembers what matters later.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import NoNode, StateAway
from ..qss.frames import Wire
from ..qss.room import Member, Room
from ..state import State
from ..state.deliveries import Ask, AskId, Reply, ToNode
from ..tokens import RoomTokens
from . import commands
from .book import Node, by_load
from .connections import Connections

log = FieldLog(__name__)


class Nodes:
    """The nodes, as those see them who have something to tell them, wherever they are connected."""

    def __init__(self, *, config: SignalingConfig, tokens: RoomTokens, state: State, connections: Connections) -> None:
        # Given to us.
        self._config = config
        self._tokens = tokens
        self._state = state
        self._directory = state.nodes
        self._connections = connections
        # Ours.
        self._asked: dict[AskId, asyncio.Future[str | None]] = {}

    async def candidates(self) -> tuple[Node, ...]:
        """The nodes that can take a room, the least loaded first."""
        return by_load(await self._directory.all())

    @asynccontextmanager
    async def placing(self, room: Room) -> AsyncIterator[None]:
        """While its node is told of a room: should the node register meanwhile, it lacks or has it rightly."""
        await self._directory.placed(room.node, room.uuid)
        try:
            yield
        finally:
            await self._directory.opened(room.uuid)

    async def open_room(self, room: Room) -> None:
        """Open a room on its node; raises NoNode."""
        async with self.placing(room):
            await self._ask(room.node, commands.OPEN_ROOM, commands.open_room(room))

    async def take_over(self, room: Room) -> None:
        """Open a room that has lived already on its new node, and admit its ACL there; raises NoNode."""
        await self._ask(room.node, commands.OPEN_ROOM, commands.open_room(room))
        granted = await asyncio.gather(*(self.grant(room, m) for m in room.members), return_exceptions=True)
        for outcome in granted:
            if outcome is not None:
                raise outcome

    async def grant(self, room: Room, member: Member) -> None:
        """Admit a member on the room's node; raises NoNode."""
        data = commands.grant(self._tokens, room, member.user, member.serial, member.rights)
        await self._ask(room.node, commands.GRANT, data)

    async def _ask(self, name: str, command: str, data: Wire) -> None:
        node = await self._directory.get(name)
        if node is None or node.socket is None:
            raise NoNode
        ask = Ask(name, command, data, self._state.process, AskId(secrets.token_hex(8)))
        refusal = await self._outcome(ask)
        if refusal is not None:
            log.warning("node_refuses", node=name, command=command, message=refusal)
            raise NoNode("the media server refused")

    async def _outcome(self, ask: Ask) -> str | None:
        outcome: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._asked[ask.id] = outcome
        try:
            await self._state.post(ask)
            async with asyncio.timeout(self._config.node_ack_s):
                return await outcome
        except TimeoutError:
            raise NoNode("the media server did not answer") from None
        finally:
            del self._asked[ask.id]

    # --- what comes out of the inbox (inbox.NodeConnections) ----------------------------------------------------------

    async def carry_out(self, command: ToNode) -> None:
        """Tell the node; a room to be closed is remembered until it has confirmed that."""
        socket = self._connections.of(command.node)
        if socket is not None and command.closes is not None:
            self._connections.close_room(socket, command.closes, command.data)
        elif socket is not None:
            self._connections.tell(socket, command.command, command.data)

    async def ask(self, ask: Ask) -> None:
        """Tell the node, and let its acknowledgement become the reply."""
        socket = self._connections.of(ask.node)
        if socket is None:
            await self._state.post(Reply(ask.asker, ask.id, "not connected"))
            return

        async def acknowledged(ack: object = None, *_more: object) -> None:
            with suppress(StateAway):  # the asker's time is soon over
                await self._state.post(Reply(ask.asker, ask.id, _refusal(ack)))

        self._connections.tell(socket, ask.command, ask.data, acknowledged)

    def replied(self, reply: Reply) -> None:
        """A node has answered what we asked, perhaps too late."""
        waiting = self._asked.get(reply.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply.refusal)


def _refusal(ack: object) -> str | None:
    """Why a node refuses a command, if it does."""
    refused = isinstance(ack, dict) and ack.get("error")
    return str(ack.get("message"))[:200] if isinstance(ack, dict) and refused else None
