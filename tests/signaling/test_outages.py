"""Redis is away for a moment: what nodes and devices told meanwhile is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sfu.app import NodeProcess
from tests.support.devices import Device
from tests.support.eventually import eventually, until
from tests.support.in_test_node import NODE_SECRET, InTestNode
from tests.support.node import node_config
from tests.support.redis import RedisServer, running_redis
from tests.support.signaling import Server, running


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A Redis that may be stopped: nobody else uses it."""
    with running_redis(tmp_path) as made:
        yield made


@pytest.fixture
async def server(tmp_path: Path, redis: RedisServer) -> AsyncIterator[Server]:
    async with running(tmp_path / "data", redis=redis.url) as made:
        yield made


async def test_who_joined_and_left_in_a_short_outage_is_known_once_the_node_registers_again(
    redis: RedisServer, server: Server
) -> None:
    node = await server.node()
    alice, bob = await server.device("alice"), await server.device("bob")
    room = await alice.room()
    peer = await node.joined(room["room"], room["token"])
    await alice.invite("bob", room["room"])
    await bob.accept(await bob.ring())
    await alice.frame(lambda f: f.get("answer") == "invitation")
    gone = {"room": room["room"], "user": alice.user.id, "peer": peer, "reason": "left"}
    come = {"room": room["room"], "user": bob.user.id, "peer": "p2"}
    await asyncio.to_thread(redis.stop)
    assert (await node.say("left", gone))["error"] == 503
    assert (await node.say("joined", come))["error"] == 503
    await asyncio.to_thread(redis.start)
    node.rooms[room["room"]].peers = {"p2": bob.user.id}
    await eventually(lambda: _registers(node), "the node registers again, as a real one does")
    assert (await bob.event("participant-joined"))["peer"] == "p2"
    known = await server.app.keeper.get(room["room"])
    assert {held.peer for held in known.peers} == {"p2"}


async def test_a_node_finds_its_way_back_after_an_outage_and_takes_rooms(redis: RedisServer, server: Server) -> None:
    process = NodeProcess(node_config(server.url, secret=NODE_SECRET, load_interval_s=0.2))
    await process.start()
    try:
        alice = await server.device("alice")
        await eventually(lambda: _makes_a_room(alice), "a room is made")
        await asyncio.to_thread(redis.stop)
        await until(lambda: not process.link.registered.is_set(), "the node is told that its report is not taken")
        await asyncio.to_thread(redis.start)
        await eventually(lambda: _makes_a_room(alice), "a room is made again")
        await until(process.link.registered.is_set, "the node is registered")
    finally:
        await process.stop()


async def _makes_a_room(device: Device) -> bool:
    return "payload" in await device.ask("createRoom", payload={})


async def _registers(node: InTestNode) -> bool:
    return "close" in await node.register()
