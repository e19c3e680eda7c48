"""A small honest node for tests of signaling.

It keeps what the contract tells it to keep (rooms, grants by digest, peers), admits whom a real node would, and
records every command; it has no media.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.lines import Frame, socketio_client

NODE_SECRET = "the secret of all nodes"
ROOMS_AT_ONCE = 30  # of one `register` frame, well below the size at which signaling closes the connection


@dataclass
class NodeRoom:
    """What the node knows of a room."""

    record: Frame
    grants: dict[str, Frame] = field(default_factory=dict)
    peers: dict[str, str] = field(default_factory=dict)  # peer -> user


class InTestNode:
    """A node that speaks the contract and carries nothing."""

    def __init__(
        self,
        name: str = "sfu1",
        *,
        capacity: int = 100,
        refuses: tuple[str, ...] = (),
        silent: tuple[str, ...] = (),
        slow: tuple[str, ...] = (),
        secret: str = NODE_SECRET,
    ) -> None:
        self.name = name
        self.host = "media.example"
        self.capacity = capacity
        self.instance = secrets.token_hex(8)
        self.rooms: dict[str, NodeRoom] = {}
        self.commands: list[tuple[str, Frame]] = []
        self.refuses = refuses
        self.silent = silent
        self.slow = slow
        self.go_on = asyncio.Event()
        self.secret = secret
        self.registered: Frame = {}
        self.refusals: list[Frame] = []
        self._peers = 0
        self._news = asyncio.Event()
        self.sio: Any = None

    @property
    def server(self) -> dict[str, str]:
        """Its addresses."""
        return {"https": f"wss://{self.host}/{self.name}/socket.io", "wss": f"wss://{self.host}/ws-{self.name}"}

    async def connect(self, url: str, *, register: bool = True) -> None:
        """Connect and register with all rooms."""
        self.sio = socketio_client()
        for command in ("open_room", "grant", "revoke", "close_room"):
            self.sio.on(command, self._handler(command), namespace="/nodes")
        self.sio.on("connect_error", self.refusals.append, namespace="/nodes")
        auth = {"node": self.name, "instance": self.instance, "secret": self.secret}
        await self.sio.connect(url, namespaces=["/nodes"], auth=auth, transports=["websocket"], wait_timeout=5)
        if register:
            self.registered = await self._register_all()
            assert "close" in self.registered, f"not registered: {self.registered}"
            for room in self.registered["close"]:
                self.rooms.pop(room, None)

    async def disconnect(self) -> None:
        """Close the connection."""
        await self.sio.disconnect()

    def restarted(self) -> None:
        """As a new process: another instance, no rooms."""
        self.instance = secrets.token_hex(8)
        self.rooms.clear()

    async def register(self, **changes: Any) -> Frame:  # noqa: ANN401
        """Register as the contract says."""
        card = {
            "node": self.name,
            "instance": self.instance,
            "server": self.server,
            "workers": 1,
            "capacity": {"peers": self.capacity},
            "version": "test",
            "load": {},
            "rooms": [self.held(room) for room in self.rooms],
            **changes,
        }
        answer: Frame = await self.say("register", card)
        return answer

    async def _register_all(self) -> Frame:
        """Register with all rooms, in parts; gives the last answer, with all rooms that are to be closed."""
        rooms, close = list(self.rooms), list[str]()
        while len(rooms) > ROOMS_AT_ONCE:
            part, rooms = rooms[:ROOMS_AT_ONCE], rooms[ROOMS_AT_ONCE:]
            close += (await self.register(rooms=[self.held(room) for room in part], more=True))["close"]
        answer = await self.register(rooms=[self.held(room) for room in rooms if room in self.rooms])
        return answer | {"close": [*close, *answer["close"]]} if "close" in answer else answer

    async def say(self, event: str, data: object) -> Any:  # noqa: ANN401
        """Report something; gives the acknowledgement."""
        return await self.sio.call(event, data, namespace="/nodes", timeout=5)

    def admits(self, room: str, token: str) -> str | None:
        """The user whom a token admits to a room, as a real node decides it."""
        digest = hashlib.sha256(token.encode()).hexdigest()
        held = self.rooms.get(room)
        return next((user for user, grant in held.grants.items() if grant["digest"] == digest), None) if held else None

    async def joined(self, room: str, token: str) -> str:
        """Somebody's media connects; gives the peer."""
        user = self.admits(room, token)
        assert user is not None, "the node does not admit this token"
        self._peers += 1
        peer = f"{self.name}-p{self._peers}"
        self.rooms[room].peers[peer] = user
        assert await self.say("joined", {"room": room, "user": user, "peer": peer}) == {}
        return peer

    async def left(self, room: str, peer: str, reason: str = "left", **more: object) -> None:
        """Somebody's media is gone."""
        user = self.rooms[room].peers.pop(peer)
        assert await self.say("left", {"room": room, "user": user, "peer": peer, "reason": reason, **more}) == {}

    async def command(self, name: str, wanted: Callable[[Frame], bool] = lambda _: True) -> Frame:
        """A command that has come or will come."""
        try:
            async with asyncio.timeout(5):
                while True:
                    for command, data in self.commands:
                        if command == name and wanted(data):
                            return data
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {name} at {self.name}; it got {self.commands}") from None

    def held(self, room: str) -> Frame:
        """A room as it is reported."""
        held = self.rooms[room]
        peers = [{"peer": peer, "user": user} for peer, user in held.peers.items()]
        return {"room": room, "record": held.record, "grants": list(held.grants.values()), "peers": peers}

    def _handler(self, command: str) -> Any:  # noqa: ANN401
        async def handle(data: Frame) -> Frame:
            self.commands.append((command, data))
            self._news.set()
            if command in self.silent:
                await asyncio.Event().wait()
            if command in self.slow:
                await self.go_on.wait()
            if command in self.refuses:
                return {"error": "busy", "message": "not today"}
            getattr(self, f"_on_{command}")(data)
            return {}

        return handle

    def _on_open_room(self, data: Frame) -> None:
        self.rooms[data["room"]] = NodeRoom(data["record"])

    def _on_grant(self, data: Frame) -> None:
        grant = {key: data[key] for key in ("user", "serial", "digest", "rights")}
        self.rooms[data["room"]].grants[data["user"]] = grant

    def _on_revoke(self, data: Frame) -> None:
        if room := self.rooms.get(data["room"]):
            room.grants.pop(data["user"], None)
            room.peers = {peer: user for peer, user in room.peers.items() if user != data["user"]}

    def _on_close_room(self, data: Frame) -> None:
        self.rooms.pop(data["room"], None)
