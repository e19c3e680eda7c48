"""A real node, in this process or one of its own, registered with a stand-in for signaling; nothing is replaced."""

import asyncio
import contextlib
import hashlib
import itertools
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp
import psutil

from sfu.app import NodeProcess
from sfu.config import NodeConfig
from tests.support.eventually import until
from tests.support.ports import free_tcp_port, free_udp_port
from tests.support.stand_in import SECRET, Signaling


@dataclass(kw_only=True)
class Node:
    """A node registered with the stand-in, with rooms and tokens for tests."""

    signaling: Signaling
    url: str
    """Of the node's HTTP port."""
    config: NodeConfig
    _rooms: Any = field(default_factory=lambda: itertools.count(1))

    async def room(self, *users: str, limit: int = 100) -> str:
        """A new room to which each of `users` is admitted with `token(user)`."""
        room = f"{next(self._rooms):064x}"
        answer = await self.signaling.ask("open_room", room=room, record={}, participants_limit=limit, bitrate=1024)
        assert answer == {}
        for user in users:
            await self.grant(room, user)
        return room

    async def metrics(self) -> dict[str, float]:
        """What it tells Prometheus, as of its last look."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.url}/metrics") as answer:
            assert answer.content_type == "text/plain"
            lines = (await answer.text()).splitlines()
        pairs = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in pairs}

    async def grant(self, room: str, user: str, *, publish: bool = True, receive: bool = True) -> None:
        """Admit one more user."""
        digest = hashlib.sha256(token(user).encode()).hexdigest()
        rights = {"publish": publish, "receive": receive}
        assert await self.signaling.ask("grant", room=room, user=user, serial=1, digest=digest, rights=rights) == {}


@dataclass(kw_only=True)
class Deployment(Node):
    """One in this process."""

    other: Signaling
    """A second process of signaling, with a port of its own and not started."""
    process: NodeProcess


@dataclass(kw_only=True)
class AloneNode(Node):
    """One in a process of its own, as the console starts it."""

    udp_port: int
    process: psutil.Process


def token(user: str) -> str:
    """The room token of a user."""
    return f"token-of-{user}"


def node_config(*signaling: str, **changes: Any) -> NodeConfig:  # noqa: ANN401
    """A config for tests: any free ports, one worker, this machine only."""
    config = NodeConfig(
        signaling=signaling or ("http://127.0.0.1:9",),
        secret=SECRET,
        port=0,
        udp_host="127.0.0.1",
        udp_port=0,
        advertise=("127.0.0.1",),
    )
    return replace(config, **changes)


@contextlib.asynccontextmanager
async def running_node(**changes: Any) -> AsyncIterator[Deployment]:  # noqa: ANN401
    """A node that is registered with a stand-in."""
    signaling = await Signaling().start()
    other = Signaling(free_tcp_port())
    config = node_config(*(f"http://127.0.0.1:{one.port}" for one in (signaling, other)), **changes)
    process = NodeProcess(config)
    await process.start()
    try:
        await until(process.link.registered.is_set, "the node registers")
        await until(lambda: signaling.registrations, "signaling gets the registration")
        url = f"http://127.0.0.1:{process.http_port}"
        yield Deployment(signaling=signaling, url=url, config=config, other=other, process=process)
    finally:
        await process.stop()
        await signaling.stop()


@contextlib.asynccontextmanager
async def alone_node() -> AsyncIterator[AloneNode]:
    """`tertulia node` with one worker, registered with a stand-in."""
    signaling = await Signaling().start()
    port, udp_port = free_tcp_port(), free_udp_port()
    url = f"http://127.0.0.1:{signaling.port}"
    ports = ("--port", str(port), "--udp-port", str(udp_port), "--workers", "1", "--advertise", "127.0.0.1")
    console = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tertulia", "node", "--signaling", url, *ports),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "TERTULIA_NODE_SECRET": SECRET},
    )
    try:
        await signaling.registered(30)
        yield AloneNode(
            signaling=signaling,
            url=f"http://127.0.0.1:{port}",
            config=node_config(url),
            udp_port=udp_port,
            process=psutil.Process(console.pid),
        )
    finally:
        console.terminate()
        await console.wait()
        await signaling.stop()
