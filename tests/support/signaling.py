"""Signaling for tests: a real server on a free port, and the devices and nodes that connect to it."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from signaling.app import App
from signaling.config import SignalingConfig
from signaling.store import Store
from signaling.store.passwords import hash_password
from signaling.store.values import User
from tests.support.devices import Device
from tests.support.in_test_node import NODE_SECRET, InTestNode
from tests.support.lines import Frame, Transport

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


class Talk(NamedTuple):
    """Alice and Bob in a room, with the token and the peer that are Bob's."""

    alice: Device
    bob: Device
    room: Frame
    token: str
    peer: str


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

    async def talk(self, node: InTestNode, device: str | None = None) -> Talk:
        """Alice has called Bob, and the media of both is connected; `device` is the id that both devices have."""
        alice, bob = await self.device("alice", device), await self.device("bob", device)
        room = await alice.room()
        await node.joined(room["room"], room["token"])
        await alice.invite("bob", room["room"])
        ring = await bob.ring()
        await bob.accept(ring)
        token = ring["payload"]["token"]
        return Talk(alice, bob, room, token, await node.joined(room["room"], token))

    async def hang_up(self) -> None:
        """Disconnect everybody."""
        clients, self.clients = self.clients, []
        async with AsyncExitStack() as stack:  # all of them, whatever one of them has to say
            for client in clients:
                stack.push_async_callback(client.disconnect)
