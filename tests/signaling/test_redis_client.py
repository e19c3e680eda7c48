"""The connection to Redis: a cancellation may come at any moment, and a connection may be lost."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from signaling.errors import StateAway
from signaling.state.redis_client import Client, cancellable
from tests.support.eventually import eventually
from tests.support.redis import RedisServer


@pytest.mark.parametrize("turns", range(30))
async def test_a_cancellation_is_not_lost_wherever_it_meets_a_command(redis: RedisServer, turns: int) -> None:
    client = Client(redis.url)

    async def ask_for_ever() -> None:
        while True:
            await client.do("PING")

    try:
        asking = asyncio.create_task(ask_for_ever())
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        _, lost = await asyncio.wait({asking}, timeout=1.0)
        while not asking.done():
            asking.cancel()
            await asyncio.wait({asking}, timeout=0.01)
        assert not lost
        assert await client.do("PING")
    finally:
        await client.close()


async def test_a_cancellation_is_not_lost_when_the_command_fails_at_the_same_moment() -> None:
    sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    asking = asyncio.create_task(cancellable(asyncio.wait_for(sent, 10.0)))
    await asyncio.sleep(0)
    sent.set_exception(ConnectionError)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_connection_that_is_lost_while_others_are_answered_makes_nobody_else_rest(redis: RedisServer) -> None:
    client = Client(redis.url)
    waiting = asyncio.create_task(client.do("BLPOP", "nothing", "10"))
    try:
        with redis.client() as admin:
            await eventually(partial(_waits, admin), "one waits")
            (blocked,) = (one["id"] for one in admin.client_list() if one["cmd"] == "blpop")
            assert await client.do("PING")
            admin.client_kill_filter(_id=blocked)
            lost = await asyncio.gather(waiting, return_exceptions=True)
            assert isinstance(lost[0], StateAway)
            assert await client.do("PING")
    finally:
        await client.close()


async def test_after_a_failure_everybody_is_told_at_once_for_a_moment(redis: RedisServer) -> None:
    client = Client(redis.url)
    try:
        await asyncio.to_thread(redis.stop)
        for _ in range(2):
            with pytest.raises(StateAway):
                await client.do("PING")
        await asyncio.to_thread(redis.start)
        await eventually(partial(_answers, client), "it is asked again")
    finally:
        await client.close()


async def _waits(admin: Any) -> bool:  # noqa: ANN401 - the library has no types
    return bool(admin.info("clients")["blocked_clients"])


async def _answers(client: Client) -> bool:
    try:
        return bool(await client.do("PING"))
    except StateAway:
        return False
