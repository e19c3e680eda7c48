"""Signaling for tests: a real server on a free port, devices over real Socket.IO, and a small honest node.

The node keeps what the contract tells it to keep (rooms, grants by digest, peers), admits whom a real node would, and
records every command; it has no media.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import socketio

from signaling.app import App
from signaling.config import SignalingConfig
from signaling.store import Store
from signaling.store.passwords import hash_password
from signaling.store.values import User
from tests.support.lines import Line, SocketIoLine, Transport, WebSocketLine

Frame = dict[str, Any]
NODE_SECRET = "the nodes' secret"
ROOMS_AT_ONCE = 30  # of one `register` frame, well below the size at which signaling closes the connection
PASSWORD = "correct horse"
PASSWORD_HASH = hash_password(PASSWORD)  # made once: it is slow on purpose


def settings(data: Path, **changes: Any) -> SignalingConfig:  # noqa: ANN401 - any setting
    """The settings of a test's server."""
    given: dict[str, Any] = {
        "port": 0,
        "data": data,
        "web": data / "no-page",
        "secrets": (b"a secret of sixteen bytes or more",),
        "node_secrets": (NODE_SECRET,),
        "unreachable_after_s": 0.05,
        "adopt_within_s": 0.0,
        **changes,
    }
    return SignalingConfig(**given)


async def signed_up(store: Store, name: str, domain: str = "local", *, admin: bool = False) -> User:
    """A user, made or found, with a session that has the user's own id."""
    if found := await store.users.by_name(name, domain):
        return found
    made = await store.users.add(name, domain, PASSWORD_HASH, admin=admin)
    await store.sessions.add(made.id, made.id, time.time() + 86400.0, "a test")
    return made


@asynccontextmanager
async def running(
    data: Path,
    transport: Transport = "socket.io",
    **changes: Any,  # noqa: ANN401
) -> AsyncIterator[Server]:
    """A signaling server, with its devices and nodes ended first."""
    async with App(settings(data, **changes)) as app:
        server = Server(app, transport)
        try:
            yield server
        finally:
            await server.hang_up()


@dataclass
class Server:
    """A running server and what connects to it."""

    app: App
    transport: Transport = "socket.io"
    clients: list[Device | InTestNode] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.app.url

    async def user(self, name: str, domain: str = "local", *, admin: bool = False) -> User:
        """A user, made or found, with the session of his that `token` speaks for: it has his own id."""
        return await signed_up(self.app.store, name, domain, admin=admin)

    async def domain_receives(self, name: str, enabled: bool | None) -> bool:
        """Whether the users of a domain receive calls where they say nothing."""
        domain = await self.app.store.domains.by_name(name)
        assert domain is not None
        return await self.app.store.domains.set_receive_calls(domain.id, enabled)

    def token(self, user: User, **changes: Any) -> str:  # noqa: ANN401
        """An access token."""
        told = {"now": time.time(), "ttl_s": 600.0, "session": user.id, **changes}
        return self.app.access.make(user.id, **told)

    async def device(self, name: str, device: str | None = None, domain: str = "local") -> Device:
        """A signed-in device of a user."""
        user = await self.user(name, domain)
        made = Device(user, device or f"{name}-{secrets.token_hex(3)}", self.transport)
        await made.connect(self.url, self.token(user))
        self.clients.append(made)
        return made

    async def node(self, name: str = "sfu1", **options: Any) -> InTestNode:  # noqa: ANN401
        """A registered node."""
        node = InTestNode(name, **options)
        await node.connect(self.url)
        self.clients.append(node)
        return node

    async def hang_up(self) -> None:
        """Disconnect everybody."""
        for client in self.clients:
            await client.disconnect()
        self.clients.clear()


class Device:
    """A device: sends frames and keeps what it gets, in order."""

    def __init__(self, user: User, device: str, transport: Transport = "socket.io") -> None:
        self.user = user
        self.device = device
        self.frames: list[Frame] = []
        self._taken = 0
        self._news = asyncio.Event()
        self.gone = asyncio.Event()
        self.left_for = ""
        self.sio = _client()
        self.line: Line = SocketIoLine(self, self.sio) if transport == "socket.io" else WebSocketLine(self)

    async def connect(self, url: str, token: str, transports: tuple[str, ...] = ("websocket",)) -> None:
        """Connect and wait until signaling says `ready`."""
        auth = {"token": token, "device": {"id": self.device, "name": "a test", "kind": "agent"}}
        self.gone.clear()
        await self.line.connect(url, auth, transports)
        ready = await self.event("ready")
        assert ready == {"userId": self.user.id, "deviceId": self.device, "username": self.user.username}

    async def disconnect(self) -> None:
        """Close the connection."""
        await self.line.disconnect()

    async def tell(self, frame: object) -> Any:  # noqa: ANN401 - whatever the answer is
        """Send a frame and wait for its answer: the acknowledgement, or the frame where there are none."""
        return await self.line.tell(frame)

    async def send(self, frame: object) -> None:
        """Send a frame and do not wait."""
        await self.line.send(frame)

    def got(self, frame: Frame) -> None:
        """A frame has come."""
        self.frames.append(frame)
        self._news.set()

    async def ask(self, name: str, request_id: str | None = None, **rest: Any) -> Any:  # noqa: ANN401
        """Send a request and wait for its acknowledgement."""
        return await self.tell({"request": name, "requestID": request_id or secrets.token_hex(6), **rest})

    async def room(self) -> Frame:
        """A new room."""
        answer = await self.ask("createRoom", payload={})
        assert "payload" in answer, answer
        room: Frame = answer["payload"]
        await self.frame(lambda f: f.get("requestID") == answer["requestID"])
        return room

    async def invite(self, to: str, room: str, request_id: str = "invite-1", **rest: Any) -> None:  # noqa: ANN401
        """Send an invitation; its result comes as a frame."""
        frame = {"request": "invitation", "requestID": request_id, "to": to, "payload": {"room": room}, **rest}
        await self.send(frame)

    async def accept(self, ring: Frame) -> Any:  # noqa: ANN401
        """Answer a ring."""
        return await self.tell({"answer": "invitation", "requestID": ring["requestID"], "from": ring["from"]})

    async def decline(self, ring: Frame, error: int = 603) -> Any:  # noqa: ANN401
        """Decline a ring."""
        answer = {"answer": "invitation", "requestID": ring["requestID"], "from": ring["from"], "error": error}
        return await self.tell(answer)

    async def ring(self) -> Frame:
        """The next invitation that rings here."""
        return await self.frame(lambda f: f.get("request") == "invitation")

    async def event(self, name: str) -> Frame:
        """The payload of the next event of this name."""
        frame = await self.frame(lambda f: f.get("type") == "event" and f["payload"]["eventName"] == name)
        payload: Frame = frame["payload"]["payload"]
        return payload

    async def frame(self, wanted: Callable[[Frame], bool], within_s: float = 20.0) -> Frame:
        """The next frame that is wanted; those before it are passed over for good."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    while self._taken < len(self.frames):
                        self._taken += 1
                        if wanted(self.frames[self._taken - 1]):
                            return self.frames[self._taken - 1]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no such frame at {self.device}; it got {self.frames}") from None

    async def settled(self) -> list[Frame]:
        """All frames so far, after everything that was sent to this device before now has arrived."""
        mark = secrets.token_hex(8)
        await self.tell({"request": "no such request", "requestID": mark})
        await self.frame(lambda f: f.get("requestID") == mark)
        return [f for f in self.frames if f.get("error") != 404 or "unknown request" not in f.get("message", "")]

    def rings(self) -> list[Frame]:
        """Invitations that ring here and have not been cancelled."""
        over = {f["requestID"] for f in self.frames if f.get("cancel") == "invitation"}
        return [f for f in self.frames if f.get("request") == "invitation" and f["requestID"] not in over]


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
        return {"https": f"wss://media.example/{self.name}/socket.io", "wss": f"wss://media.example/ws-{self.name}"}

    async def connect(self, url: str, *, register: bool = True) -> None:
        """Connect and register with all rooms."""
        self.sio = _client()
        for command in ("open_room", "grant", "revoke", "close_room"):
            self.sio.on(command, self._handler(command), namespace="/nodes")
        self.sio.on("connect_error", self.refusals.append, namespace="/nodes")
        auth = {"node": self.name, "instance": self.instance, "secret": self.secret}
        await self.sio.connect(url, namespaces=["/nodes"], auth=auth, transports=["websocket"], wait_timeout=5)
        if register:
            self.registered = await self._register_all()
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

    async def left(self, room: str, peer: str, reason: str = "left") -> None:
        """Somebody's media is gone."""
        user = self.rooms[room].peers.pop(peer)
        assert await self.say("left", {"room": room, "user": user, "peer": peer, "reason": reason}) == {}

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


def _client() -> Any:  # noqa: ANN401 - python-socketio has no types
    make: Any = socketio.AsyncClient
    return make(reconnection=False)
