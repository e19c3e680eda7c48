"""Several signaling processes over one Redis: they are one to devices and nodes, and any of them may be killed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from signaling.errors import StateAway
from signaling.qss.identifiers import UserId
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.processes import RealProcess, together
from tests.support.redis import RedisServer, running_redis
from tests.support.signaling import Server, running


async def test_devices_of_a_user_at_different_processes_ring_and_stop_together(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        await one.node()
        alice, phone, tab = await one.device("alice"), await one.device("bob"), await two.device("bob")
        room = (await alice.room())["room"]
        await alice.invite("bob", room)
        rings = [await phone.ring(), await tab.ring()]
        assert rings[0] == rings[1]
        await tab.accept(rings[1])
        cancelled = await phone.frame(lambda f: f.get("cancel") == "invitation")
        assert (cancelled["error"], cancelled["requestID"]) == (487, rings[0]["requestID"])
        result = await alice.frame(lambda f: f.get("answer") == "invitation")
        assert result["whoAccepted"] == tab.user.id
        assert tab.rings() == rings[1:]


async def test_of_two_accepts_at_two_processes_exactly_one_wins(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        await one.node()
        alice, phone, tab = await one.device("alice"), await one.device("bob"), await two.device("bob")
        for number in range(5):
            room = (await alice.room())["room"]
            await alice.invite("bob", room, f"invite-{number}")
            rings = [await phone.ring(), await tab.ring()]
            answers = await asyncio.gather(phone.accept(rings[0]), tab.accept(rings[1]))
            assert sorted(answer.get("error", 0) for answer in answers) == [0, 487]
            result = await alice.frame(lambda f: "whoAccepted" in f)
            assert result["requestID"] == f"invite-{number}"
        results = [f for f in await alice.settled() if f.get("answer") == "invitation"]
        assert len(results) == 5


async def test_a_node_serves_processes_that_it_is_not_connected_to(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        node = await one.node()
        alice, bob = await two.device("alice"), await two.device("bob")
        room = await alice.room()
        peer = await node.joined(room["room"], room["token"])
        assert (await alice.event("participant-joined"))["peer"] == peer
        await alice.invite("bob", room["room"])
        ring = await bob.ring()
        assert node.admits(room["room"], ring["payload"]["token"]) == bob.user.id
        await bob.decline(ring)
        await node.command("revoke", lambda data: data["user"] == bob.user.id)
        assert node.admits(room["room"], ring["payload"]["token"]) is None


async def test_a_refusal_by_a_node_of_another_process_is_503(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        await one.node(refuses=("open_room",))
        alice = await two.device("alice")
        assert (await alice.ask("createRoom", payload={}))["error"] == 503


async def test_a_request_repeated_at_another_process_is_answered_the_same(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        await one.node()
        alice = await one.device("alice", "tab")
        first = await alice.ask("createRoom", "again", payload={})
        moved = await two.device("alice", "tab")
        assert await moved.ask("createRoom", "again", payload={}) == first
        assert await two.app.state.rooms.count() == 1
        await asyncio.wait_for(alice.gone.wait(), 5)


async def test_a_result_waits_for_a_device_that_comes_back_to_another_process(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        await one.node()
        alice, bob = await one.device("alice", "tab"), await two.device("bob")
        await alice.invite("bob", (await alice.room())["room"])
        ring = await bob.ring()
        await alice.disconnect()
        await eventually(lambda: _offline(two, alice), "alice is offline")
        await bob.accept(ring)
        back = await two.device("alice", "tab")
        assert (await back.frame(lambda f: f.get("answer") == "invitation"))["whoAccepted"] == bob.user.id


async def test_a_session_that_is_over_loses_its_devices_at_every_process(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        here, there = await one.device("alice"), await two.device("alice")
        await one.app.keeper.end_sessions(here.user.id, None, "signed out")
        await asyncio.wait_for(asyncio.gather(here.gone.wait(), there.gone.wait()), 5)


async def test_while_redis_is_away_requests_are_503_and_afterwards_nothing_is_lost(tmp_path: Path) -> None:
    with running_redis(tmp_path) as redis:
        async with running(tmp_path / "data", redis=redis.url) as server:
            node = await server.node()
            alice, bob = await server.device("alice"), await server.device("bob")
            room = await alice.room()
            peer = await node.joined(room["room"], room["token"])
            await alice.invite("bob", room["room"])
            ring = await bob.ring()
            await asyncio.to_thread(redis.stop)
            assert (await alice.ask("createRoom", "while-away", payload={}))["error"] == 503
            assert (await bob.accept(ring))["error"] == 503
            await asyncio.to_thread(redis.start)
            await eventually(lambda: _accepted(bob, ring), "the accept is taken")
            result = await alice.frame(lambda f: f.get("answer") == "invitation")
            assert result["whoAccepted"] == bob.user.id
            assert node.rooms[room["room"]].peers == {peer: alice.user.id}
            await _reconnected(node, server)
            assert (await alice.ask("createRoom", payload={})).get("error") is None


async def test_processes_do_not_give_each_other_up_because_redis_was_away(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running_redis(tmp_path) as redis:
        async with together(tmp_path / "data", 2, redis=redis.url) as (one, two):
            await one.node()
            alice, bob = await one.device("alice"), await two.device("bob")
            await asyncio.to_thread(redis.stop)
            with redis.client() as client:
                stopped = time.monotonic()
                await eventually(lambda: _ago(stopped, 2.5), "both have missed a beat")
                await asyncio.to_thread(redis.start)
                for server in (one, two):
                    client.zadd("tertulia:deadlines", {f"process:{server.app.state.process}": 1}, xx=True)
            await eventually(lambda: _moved_deadlines(redis), "both are heard of again", 10.0)
            # Each lost connection is noticed by the command that meets it.
            await eventually(lambda: _devices(two, alice.user.id), "alice's device is known")
            await eventually(lambda: _devices(one, bob.user.id), "bob's device is known")
            assert "process_lost" not in caplog.text


async def test_when_redis_was_emptied_calls_go_on_and_what_rang_is_ended(tmp_path: Path) -> None:
    with running_redis(tmp_path) as redis:
        async with running(tmp_path / "data", redis=redis.url) as server:
            node = await server.node()
            alice, bob = await server.device("alice"), await server.device("bob")
            room = await alice.room()
            await node.joined(room["room"], room["token"])
            other = await alice.room()
            await alice.invite("bob", other["room"])
            ring = await bob.ring()
            redis.empty()
            ended = await bob.frame(lambda f: f.get("cancel") == "invitation", within_s=10)
            assert ended["requestID"] == ring["requestID"]
            result = await alice.frame(lambda f: f.get("requestID") == "invite-1", within_s=10)
            assert result["error"] in (408, 503)
            await _reconnected(node, server)
            again = await alice.ask("joinRoom", payload={"room": room["room"]})
            assert again["payload"]["token"] == room["token"]


@pytest.mark.timeout(90)
async def test_a_killed_process_costs_no_call_and_every_caller_gets_one_result(
    tmp_path: Path, redis: RedisServer
) -> None:
    data = tmp_path / "data"
    doomed = RealProcess(data, redis.url)
    async with running(data, redis=redis.url) as server:
        await doomed.start()
        try:
            node = InTestNode()
            await node.connect(doomed.url)
            server.clients.append(node)
            alice, carol = await _device(server, doomed.url, "alice"), await server.device("carol")
            bob = await _device(server, doomed.url, "bob")
            called = await alice.room()
            await node.joined(called["room"], called["token"])
            await alice.invite("carol", called["room"], "from-the-dead")
            ring = await carol.ring()
            own = await carol.room()
            await carol.invite("bob", own["room"], "to-the-dead")
            await bob.ring()
        finally:
            await doomed.kill()
        await _reconnected(node, server)
        bob, alice = await _again(server, bob), await _again(server, alice)
        await bob.decline(await bob.ring())
        declined = await carol.frame(lambda f: f.get("requestID") == "to-the-dead", within_s=20)
        assert declined["error"] == 603
        await carol.accept(ring)
        result = await alice.frame(lambda f: f.get("requestID") == "from-the-dead", within_s=20)
        assert result["whoAccepted"] == carol.user.id
        assert len([f for f in await alice.settled() if f.get("requestID") == "from-the-dead"]) == 1
        assert called["room"] in node.rooms
        assert (await alice.ask("joinRoom", payload={"room": called["room"]}))["payload"]["token"] == called["token"]


@pytest.mark.timeout(90)
async def test_devices_of_a_killed_process_do_not_ring_for_ever(tmp_path: Path, redis: RedisServer) -> None:
    data = tmp_path / "data"
    doomed = RealProcess(data, redis.url)
    async with running(data, redis=redis.url) as server:
        await server.node()
        await doomed.start()
        try:
            bob = await _device(server, doomed.url, "bob")
        finally:
            await doomed.kill()
        await eventually(lambda: _offline(server, bob), "bob is found to be gone", 15.0)
        alice = await server.device("alice")
        room = (await alice.room())["room"]
        assert (await alice.ask("invitation", to="bob", payload={"room": room}))["error"] == 404


async def _device(server: Server, url: str, name: str) -> Device:
    user = await server.user(name)
    device = Device(user, f"{name}-phone")
    await device.connect(url, server.token(user))
    server.clients.append(device)
    return device


async def _again(server: Server, device: Device) -> Device:
    """The same device, connected to a process that lives."""
    return await server.device(device.user.name, device.device)


async def _reconnected(node: InTestNode, server: Server) -> None:
    async def registered() -> bool:
        if not node.sio.connected:
            await node.disconnect()
            await node.connect(server.url)
        return "close" in node.registered

    await eventually(registered, "the node is back", 20.0)


async def _offline(server: Server, device: Device) -> bool:
    return not await server.app.state.devices.of(device.user.id)


async def _accepted(device: Device, ring: Frame) -> bool:
    return bool(await device.accept(ring) == {})


async def _ago(moment: float, seconds: float) -> bool:
    return time.monotonic() - moment > seconds


async def _devices(server: Server, user: UserId) -> object:
    try:
        return await server.app.state.devices.of(user)
    except StateAway:
        return None


async def _moved_deadlines(redis: RedisServer) -> bool:
    with redis.client() as client:
        found: Any = client.zrange("tertulia:deadlines", 0, -1, withscores=True)
    return all(score > 1 for name, score in found if name.startswith(b"process:"))
