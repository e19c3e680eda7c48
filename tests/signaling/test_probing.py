"""What nobody finds out by asking: who exists, who is online, who blocks; neither by the answer nor by its time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.support.devices import Device
from tests.support.eventually import until
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.postgres import Postgres
from tests.support.signaling import Server, running

DUE_S = 1.0  # so long that a held look-up is over by then on a busy machine as well
HELD_S = DUE_S / 2
SPREAD_S = HELD_S / 2  # between answers that are due at once; were a held look-up to show, they were HELD_S apart


async def test_unknown_offline_and_blocked_are_answered_at_the_same_time_however_long_the_look_up_takes(
    tmp_path: Path, postgres: Postgres
) -> None:
    url = postgres.database()
    async with running(tmp_path, database=url, unreachable_after_s=DUE_S) as server:
        node = await server.node()
        callers = [await _in_a_room(server, f"caller{number}") for number in range(3)]
        await server.user("offline")
        blocker = await server.device("blocker")
        await server.app.users.set_receive_calls(blocker.user.id, False)
        now = asyncio.get_running_loop().time
        async with _held(url, "groups"):  # where only names that are no user's are looked for
            began = now()
            asked = [
                asyncio.create_task(_arrival(device, room, to))
                for (device, room), to in zip(callers, ("unknown", "offline", "blocker"), strict=True)
            ]
            await until(lambda: now() >= began + HELD_S, "the look-up is held for a while")
        answers = await asyncio.gather(*asked)
        assert [answer for answer, _ in answers] == [
            {"answer": "invitation", "requestID": "i", "from": device.user.id, "error": 404, "message": NOBODY}
            for device, _ in callers
        ]
        times = [arrived - began for _, arrived in answers]
        assert min(times) >= DUE_S
        assert max(times) - min(times) < SPREAD_S
        assert {command for command, _ in node.commands} == {"open_room", "grant"}


@pytest.mark.both_backends
async def test_users_of_another_domain_are_admitted_no_more_than_nobody(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob", domain="elsewhere")
    room = await alice.room()
    for stranger in (bob.user.id, "bob@elsewhere", "nobody@elsewhere", "0" * 24):
        refused = await alice.ask("addToACL", "a", payload={"room": room["room"], "participants": [stranger]})
        assert refused == {"answer": "addToACL", "requestID": "a", "error": 404, "message": NOBODY}
    assert (await alice.ask("joinRoom", payload={"room": room["room"]}))["payload"] == room


@pytest.mark.both_backends
async def test_who_came_from_another_domain_may_be_named_by_those_in_the_room(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob", domain="elsewhere")
    room = (await alice.room())["room"]
    await alice.invite("bob@elsewhere", room)
    await bob.accept(await bob.ring())
    answer = await alice.ask("addToACL", payload={"room": room, "participants": ["bob@elsewhere"]})
    assert answer["payload"] == {"participants": [alice.user.id, bob.user.id]}


NOBODY = "nobody reachable"


async def _in_a_room(server: Server, name: str) -> tuple[Device, str]:
    """A device, and a room of its user."""
    device = await server.device(name)
    return device, (await device.room())["room"]


async def _arrival(device: Device, room: str, to: str) -> tuple[Frame, float]:
    """The answer to an invitation, and when it came."""
    answer = await device.ask("invitation", "i", to=to, payload={"room": room})
    return answer, asyncio.get_running_loop().time()


@asynccontextmanager
async def _held(url: str, table: str) -> AsyncIterator[None]:
    """Nobody reads the table meanwhile."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
            yield
    finally:
        await engine.dispose()
