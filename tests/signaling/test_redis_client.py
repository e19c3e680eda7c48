"""The connection to Redis: a cancellation may come at any moment."""

from __future__ import annotations

import asyncio

import pytest

from signaling.state.redis_client import Client, cancellable
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
