"""The connection to Redis: a cancellation may come at any moment."""

from __future__ import annotations

import asyncio

import pytest

from signaling.state.redis_client import Client
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
