"""Rooms whose node is lost, or has come back without them: another node takes them, or they end.

absences, reports -> **rescue** -> nodes (commands), keeper -> rules (`moving.py`)

The new node is told first of the room and its ACL, then everybody who is there of the new node; so nobody comes to a
node that does not know him.  Several processes may be at it at once: the rule lets one of them win.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from msgspec.structs import replace

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import NoNode, StateAway, UnknownRoom
from ..keeper import Keeper
from ..qss import rules
from ..qss.effects import CloseRoom
from ..qss.identifiers import Instant, RoomId
from ..qss.moving import MOVED
from ..qss.room import MEDIA_SERVER_LOST, Change, Room
from ..state import Directory
from .book import Node
from .nodes import Nodes

TRIED = 2  # nodes that are asked to take a room before it ends
AT_ONCE = 32  # rooms that move at the same time: a node that took a thousand at once would answer none in its time

log = FieldLog(__name__)


class Rescue:
    """Finds rooms another node."""

    def __init__(self, *, config: SignalingConfig, directory: Directory, keeper: Keeper, nodes: Nodes) -> None:
        # Given to us.
        self._config = config
        self._directory = directory
        self._keeper = keeper
        self._nodes = nodes
        # Ours.
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._begun: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Stop; a node that lacks rooms registers again elsewhere, one that is away is due still."""
        for task in self._begun:
            task.cancel()
        if self._begun:
            await asyncio.wait(self._begun)

    async def rooms_of(self, node: str) -> None:
        """Move the rooms of a node that stays away; those of one that is back meanwhile stay there."""
        await self._all(await self._keeper.on(node), node, lacking=False)

    def begin(self, node: str, rooms: Iterable[RoomId]) -> None:
        """Move rooms that a node should have, but lacks, in a task of our own: perhaps it takes them again."""
        task = asyncio.get_running_loop().create_task(self._lacking(node, tuple(rooms)), name="rescue")
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def _lacking(self, node: str, rooms: tuple[RoomId, ...]) -> None:
        try:
            await self._all(rooms, node, lacking=True)
        except StateAway:
            log.warning("rooms_not_moved", node=node)  # once the state is back, the node is asked to register again
        except Exception:
            log.fault("rescue_failed", node=node)

    async def _all(self, rooms: Iterable[RoomId], node: str, *, lacking: bool) -> None:
        async with asyncio.TaskGroup() as group:
            for room in rooms:
                group.create_task(self._one(room, node, lacking=lacking))

    async def _one(self, uuid: RoomId, node: str, *, lacking: bool) -> None:
        async with self._turn:
            room = await self._keeper.find(uuid)
            if room is None or room.node != node or not (lacking or await self._is_away(node)):
                return
            for taker in (await self._nodes.candidates())[:TRIED]:
                if await self._moved(room, taker):
                    return
            if lacking or await self._is_away(node):
                await self._ended(uuid, node)

    async def _is_away(self, name: str) -> bool:
        node = await self._directory.get(name)
        return node is None or node.socket is None

    async def _moved(self, before: Room, taker: Node) -> bool:
        """Whether the room lives there now, or anywhere else, or is over."""
        room = replace(before, node=taker.name, server=taker.card.server)
        async with self._nodes.placing(room):
            try:
                await self._nodes.take_over(room)
            except NoNode:
                await self._keeper.post(CloseRoom(taker.name, room.uuid, MOVED, remembered=False))
                return False
            await self._settled(before, taker)
        return True

    async def _settled(self, before: Room, taker: Node) -> None:
        """The room moves, unless somebody else was faster; then the node that has taken it in vain lets go of it."""
        keep_until = Instant(self._keeper.now() + self._config.join_within_s)
        try:
            change = await self._keeper.change(
                before.uuid, lambda r: rules.moved(r, before, taker.name, taker.card.server, keep_until)
            )
        except UnknownRoom:
            await self._keeper.post(CloseRoom(taker.name, before.uuid, MEDIA_SERVER_LOST))
            return
        if not change.refused:
            log.info("room_moved", room=before.uuid, from_node=before.node, to_node=taker.name)
        elif change.room is not None and change.room.node != taker.name:
            await self._keeper.post(CloseRoom(taker.name, before.uuid, MOVED, remembered=False))

    async def _ended(self, room: RoomId, node: str) -> None:
        now = self._keeper.now()
        try:
            await self._keeper.change(
                room, lambda r: rules.destroy(r, MEDIA_SERVER_LOST, now) if r.node == node else Change(r, refused=True)
            )
        except UnknownRoom:
            log.debug("room_gone_meanwhile", room=room)
