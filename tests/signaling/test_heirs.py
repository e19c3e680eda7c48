"""What a process leaves that is killed goes to the others: its history, its nodes, their names."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from signaling.qss.frames import Answer, Outgoing
from signaling.qss.history import CallEnded
from signaling.qss.identifiers import RequestId, RoomId
from signaling.qss.room import MEDIA_SERVER_LOST
from signaling.state.deliveries import to_history
from signaling.state.redis_state import RedisState
from signaling.store.history import CallFilter
from tests.signaling.qss.virtual import ALICES
from tests.support.api import asking
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.processes import RealProcess, together
from tests.support.redis import RedisServer
from tests.support.signaling import Server, running

LATE_MS = 120_000


@pytest.fixture
async def doomed(tmp_path: Path, redis: RedisServer) -> AsyncIterator[RealProcess]:
    """A process beside the test's own server, over the same state."""
    process = RealProcess(tmp_path / "data", redis.url)
    await process.start()
    yield process
    await process.kill()


@pytest.fixture
async def server(tmp_path: Path, redis: RedisServer, doomed: RealProcess) -> AsyncIterator[Server]:
    async with running(tmp_path / "data", redis=redis.url, node_away_s=0.5) as made:
        yield made


async def test_history_that_a_killed_process_had_taken_is_written_by_another(
    tmp_path: Path, redis: RedisServer, server: Server, doomed: RealProcess
) -> None:
    await server.node()
    alice, bob = await server.device("alice"), await server.device("bob")
    calls = 0
    with closing(sqlite3.connect(server.app.store.where)) as hog, redis.client() as client:
        hog.execute("BEGIN IMMEDIATE")  # nobody else can write now
        while not _taken_by_others(client, server):
            calls += 1
            await alice.invite("bob", (await alice.room())["room"], f"i{calls}")
            await bob.decline(await bob.ring())
            await alice.frame(lambda f, n=calls: f.get("requestID") == f"i{n}")  # type: ignore[misc]
        await doomed.kill()
        _expire(client, server)
        hog.rollback()
    await eventually(lambda: _all_written(server, calls), "every call is in history", 15.0)


async def test_what_a_dead_process_has_taken_is_given_to_its_heir_and_it_leaves_no_trace(redis: RedisServer) -> None:
    dead, heir = RedisState(redis.url), RedisState(redis.url)
    await dead.start()
    await heir.start()
    ended = CallEnded(room=RoomId("r"), user=None, ended_ms=1, reason="over")
    await dead.post(to_history(ended))
    taken = await dead.journal.take()
    assert await heir.journal.left() == {}
    await heir.bury(dead.process)
    assert await heir.journal.left() == taken
    assert list(taken.values()) == [ended]
    with redis.client() as client:
        assert {consumer["name"].decode() for consumer in _consumers(client)} == {heir.process}
    await dead.close()
    await heir.close()


async def test_what_nobody_has_written_for_a_minute_is_anybodys(redis: RedisServer) -> None:
    stuck, other = RedisState(redis.url), RedisState(redis.url)
    await stuck.start()
    await other.start()
    ended = CallEnded(room=RoomId("r"), user=None, ended_ms=1, reason="over")
    await stuck.post(to_history(ended))
    (name,) = await stuck.journal.take()
    assert await other.journal.left() == {}
    with redis.client() as client:
        client.execute_command("XCLAIM", "tertulia:history", "writers", stuck.process, 0, name, "IDLE", LATE_MS)
    assert await other.journal.left() == {name: ended}
    await stuck.close()
    await other.close()


async def test_a_node_that_dies_with_its_process_is_lost_in_its_time_and_its_calls_end(
    redis: RedisServer, server: Server, doomed: RealProcess
) -> None:
    node = InTestNode()
    await node.connect(doomed.url)
    alice = await server.device("alice")
    room = await alice.room()
    await node.joined(room["room"], room["token"])
    await alice.event("participant-joined")
    await doomed.kill()
    await node.disconnect()
    with redis.client() as client:
        _expire(client, server)
    assert (await alice.event("room-destroyed"))["reason"] == MEDIA_SERVER_LOST
    assert await server.app.state.nodes.all() == ()
    assert await server.app.state.rooms.count() == 0


async def test_a_node_name_is_free_again_once_the_process_that_had_it_is_dead(
    redis: RedisServer, server: Server, doomed: RealProcess
) -> None:
    first, second = InTestNode(), InTestNode()
    await first.connect(doomed.url)
    await second.connect(server.url, register=False)
    server.clients.append(second)
    assert (await second.register())["error"] == 409
    assert (await second.register())["error"] == 409
    await doomed.kill()
    await first.disconnect()
    with redis.client() as client:
        _expire(client, server)
    await eventually(lambda: _registers(second), "the name is free")


async def test_of_two_live_nodes_of_one_name_at_two_processes_the_second_is_refused(
    tmp_path: Path, redis: RedisServer
) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two):
        first = await one.node()
        second = InTestNode(first.name)
        await second.connect(two.url, register=False)
        assert (await second.register())["error"] == 409
        alice = await two.device("alice")
        assert (await alice.room())["room"] in first.rooms
        await first.disconnect()
        await eventually(lambda: _registers(second), "the name is free")
        assert (await alice.room())["room"] in second.rooms
        await second.disconnect()


async def test_a_repetition_of_what_a_dead_process_had_begun_is_served_anew(redis: RedisServer) -> None:
    dead, heir = RedisState(redis.url), RedisState(redis.url)
    await dead.start()
    await heir.start()
    begin = (ALICES, RequestId("1"))
    assert await dead.answers.begin(*begin, _lost) is True
    assert await heir.answers.begin(*begin, _lost) is False
    await heir.bury(dead.process)
    assert await heir.answers.begin(*begin, _lost) is True
    await dead.close()
    await heir.close()


async def test_a_session_revoked_at_one_process_loses_its_device_at_another(tmp_path: Path, redis: RedisServer) -> None:
    async with together(tmp_path, 2, redis=redis.url) as (one, two), asking(one) as api:
        await one.user("alice")
        lost, kept = await api.signed_in("alice"), await api.signed_in("alice")
        phone, tab = await _signed_in(two, lost, "phone"), await _signed_in(two, kept, "tab")
        assert await api.with_token(kept["accessToken"]).delete(f"/sessions/{lost['id']}") == (204, None)
        await asyncio.wait_for(phone.gone.wait(), 5)
        await tab.settled()
        assert not tab.gone.is_set()


def _others(client: redis_py.Redis, server: Server) -> set[str]:
    names: Any = client.smembers("tertulia:processes")
    return {name.decode() for name in names} - {server.app.state.process}


def _taken_by_others(client: redis_py.Redis, server: Server) -> bool:
    """Whether another process has taken history entries, and not written them."""
    others = _others(client, server)
    return any(row["pending"] for row in _consumers(client) if row["name"].decode() in others)


def _consumers(client: redis_py.Redis) -> list[dict[str, Any]]:
    if not client.exists("tertulia:history"):
        return []
    rows: Any = client.xinfo_consumers("tertulia:history", "writers")
    return list(rows)


def _expire(client: redis_py.Redis, server: Server) -> None:
    """Let the time be over in which the killed process could be heard of."""
    client.zadd("tertulia:deadlines", {f"process:{name}": 1 for name in _others(client, server)}, xx=True)


async def _all_written(server: Server, calls: int) -> bool:
    return len(await server.app.store.calls.list(CallFilter())) == calls


async def _registers(node: InTestNode) -> bool:
    return "close" in await node.register()


async def _signed_in(server: Server, session: dict[str, Any], name: str) -> Device:
    device = Device(await server.user("alice"), name)
    await device.connect(server.url, session["accessToken"])
    server.clients.append(device)
    return device


def _lost() -> Outgoing:
    return Answer(answer="createRoom", request_id="1", error=503)
