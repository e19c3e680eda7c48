"""`kill -9` of one of two signaling processes in the middle of a call with media: nobody sees or hears it."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agents.call import HUNG_UP, LEFT_ALONE
from signaling.state import codec
from tests.support.balancer import balancing
from tests.support.eventually import until
from tests.support.in_test_node import NODE_SECRET
from tests.support.media import VP8_CLIP
from tests.support.ports import free_tcp_port, free_udp_port
from tests.support.processes import RealProcess
from tests.support.redis import RedisServer, running_redis
from tests.support.system import System, console, stop

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CALL_S = 20
AFTERWARDS_S = 5
"""So much of the call is left at least when all have found the other process."""
GAP_MS = 1_000
"""Between two frames on a busy machine; a connection made anew costs more."""


@dataclass
class Scene:
    """Two processes over one Redis and one database, and a node."""

    doomed: RealProcess
    other: RealProcess
    redis: RedisServer
    stack: AsyncExitStack

    async def start(self, *arguments: str, **environment: str) -> asyncio.subprocess.Process:
        """Start a command that is ended with the scene at the latest."""
        process = await console(*arguments, **environment)
        self.stack.push_async_callback(stop, process)
        return process

    def processes(self) -> set[bytes]:
        """The processes that are known."""
        with self.redis.client() as client:
            return set(client.smembers("tertulia:processes"))

    def node_at(self) -> bytes | None:
        """The process that the node is connected to."""
        with self.redis.client() as client:
            process, socket = client.hmget("tertulia:node:sfu1", "process", "socket")
            return process if socket else None

    def devices_at(self) -> set[bytes]:
        """The processes that devices are connected to."""
        with self.redis.client() as client:
            records = [one for key in client.keys("tertulia:devices:*") for one in client.hvals(key.decode())]
        return {record.partition(b"|")[0] for record in records}

    def connected(self) -> int:
        """How many peers are in rooms."""
        with self.redis.client() as client:
            records = client.mget([name.decode() for name in client.keys("tertulia:room:*")] or ["none"])
        return sum(len(codec.room_of(record).peers) for record in records if record)

    def rooms(self) -> int:
        """How many rooms live."""
        with self.redis.client() as client:
            return int(client.scard("tertulia:rooms"))


@asynccontextmanager
async def scene(data: Path) -> AsyncIterator[Scene]:
    """The node registers with the process that is to die: the other is not there yet."""
    with running_redis(data) as redis:
        async with AsyncExitStack() as stack:
            made = Scene(RealProcess(data, redis.url), RealProcess(data, redis.url), redis, stack)
            for process in (made.doomed, made.other):
                stack.push_async_callback(process.kill)
            await made.doomed.start()
            await made.start("node", *_node(made.doomed.url, made.other.url), TERTULIA_NODE_SECRET=NODE_SECRET)
            await until(made.node_at, "the node registers", 60)
            await made.other.start()
            yield made


def _node(*signaling: str) -> tuple[str, ...]:
    ports = ("--port", str(free_tcp_port()), "--udp-port", str(free_udp_port()), "--workers", "1")
    return (*(part for url in signaling for part in ("--signaling", url)), *ports, "--advertise", "127.0.0.1")


def _agent(url: str, data: Path, user: str, *more: str) -> tuple[str, ...]:
    password = ("--user", user, "--password-file", str(data / f"{user}.password"))
    return ("agent", "--url", url, *password, "--play", str(VP8_CLIP), "--loop", "--json", *more)


async def test_a_call_keeps_its_media_and_is_hung_up_through_the_other_process(tmp_path: Path) -> None:
    for name in ("alice", "bob"):
        await System(tmp_path).add_user(name)
    async with scene(tmp_path) as made, balancing(made.doomed.port, made.other.port) as balancer:
        bob = await made.start(*_agent(made.other.url, tmp_path, "bob", "--answer"))
        await until(made.devices_at, "bob is online", 60)
        alice = await made.start(*_agent(balancer.url, tmp_path, "alice", "--call", "bob", "--duration", str(CALL_S)))
        await until(lambda: made.connected() == 2, "both are connected to the node", 60)
        began = time.monotonic()
        assert made.devices_at() == made.processes()
        dead = made.node_at()
        await made.doomed.kill()
        (alive,) = made.processes() - {dead}
        await until(lambda: made.node_at() == alive, "the node has found the other process", 60)
        await until(lambda: made.devices_at() == {alive}, "alice has found the other process", 60)
        assert time.monotonic() - began < CALL_S - AFTERWARDS_S
        told = await _report(alice)
        await until(lambda: not made.rooms(), "the room is over")
        bob.send_signal(signal.SIGINT)
        heard = await _report(bob)
    assert (told["call"]["result"], told["call"]["reason"]) == ("accepted", HUNG_UP)
    assert (heard["call"]["result"], heard["call"]["reason"]) == ("accepted", LEFT_ALONE)
    for report in (told, heard):
        (received,) = report["received"].values()
        _assert_whole(received)


async def _report(agent: asyncio.subprocess.Process) -> dict[str, Any]:
    """What an agent tells at its end."""
    out, err = await asyncio.wait_for(agent.communicate(), 60)
    assert agent.returncode == 0, err.decode()
    return json.loads(out)  # type: ignore[no-any-return]


def _assert_whole(received: dict[str, Any]) -> None:
    """Media to the end of the call, without a gap that anybody sees or hears."""
    video, audio = received["video"], received["audio"]
    assert (video["missing"], video["repeated"], video["misordered"], video["lost"]) == (0, 0, 0, 0)
    assert (audio["lost"], audio["beeps_missing"], audio["beeps_repeated"]) == (0, 0, 0)
    assert video["longest_gap_ms"] < GAP_MS
    assert audio["seconds"] > CALL_S - AFTERWARDS_S / 2
