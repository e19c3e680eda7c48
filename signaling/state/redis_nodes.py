"""The nodes in Redis: what each is, which process it is connected to, and what it still has to be told."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from ..nodes.book import Node
from ..nodes.contract import Load, Register
from ..qss.identifiers import Instant, RoomId
from . import codec
from .deliveries import ProcessId
from .redis_client import PREFIX, Client

OPENING_S = 60.0  # a room that is being opened for longer died with its process

_cards = msgspec.msgpack.Decoder(Register)
_loads = msgspec.msgpack.Decoder(Load)


class RedisDirectory:
    """The nodes by name."""

    def __init__(self, client: Client, process: ProcessId, now: Callable[[], Instant]) -> None:
        self._client = client
        self._process = process
        self._now = now

    async def register(self, card: Register, socket: str) -> bool:
        """The node is here, at this process; False if another instance of this name is connected."""
        known = codec.text(codec.encode(msgspec.structs.replace(card, rooms=())))
        load = codec.text(codec.encode(card.load))
        return bool(
            await self._client.run("register", card.node, card.instance, known, load, socket, self._process)
        )  # fmt: skip

    async def away(self, name: str, socket: str, until: Instant) -> bool:
        """The node's connection is gone; False if it has a newer one."""
        return bool(await self._client.run("away", name, socket, until))

    async def forget(self, name: str) -> bool:
        """The node does not come back; False if it is here."""
        return bool(await self._client.run("forget", name))

    async def get(self, name: str) -> Node | None:
        """The node called `name`, here or away."""
        fields = ("card", "load", "socket", "process", "opened")
        card, load, socket, process, opened = await self._client.do("HMGET", f"{PREFIX}node:{name}", *fields)
        if card is None:
            return None
        return Node(_cards.decode(card), _loads.decode(load), socket.decode() or None, process.decode(), int(opened))

    async def all(self) -> tuple[Node, ...]:
        """Every node, here or away."""
        names = sorted(name.decode() for name in await self._client.do("SMEMBERS", f"{PREFIX}nodes"))
        found = [await self.get(name) for name in names]
        return tuple(node for node in found if node is not None)

    async def reported(self, name: str, load: Load) -> None:
        """A node's load report."""
        await self._client.run("report", name, codec.text(codec.encode(load)))

    async def placed(self, name: str, room: RoomId) -> None:
        """A room has been given to a node, which is being told."""
        await self._client.run("placed", name, room, self._now())

    async def opened(self, room: RoomId) -> None:
        """The node has been told of the room."""
        await self._client.do("ZREM", f"{PREFIX}opening", room)

    async def opening(self) -> frozenset[RoomId]:
        """Rooms that their nodes are being told of."""
        await self._client.do("ZREMRANGEBYSCORE", f"{PREFIX}opening", "-inf", self._now() - OPENING_S)
        return frozenset(RoomId(room.decode()) for room in await self._client.do("ZRANGE", f"{PREFIX}opening", 0, -1))

    async def closed(self, room: RoomId) -> None:
        """Its node has closed a room."""
        await self._client.do("ZREM", f"{PREFIX}closing", room)

    async def is_closing(self, room: RoomId) -> bool:
        """Whether a room is over, whatever its node says."""
        return await self._client.do("ZSCORE", f"{PREFIX}closing", room) is not None
