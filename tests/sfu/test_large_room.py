"""A room of many over real sockets: a burst of joins is few messages to each, and nobody is missed."""

import asyncio
from contextlib import AsyncExitStack

import aiohttp

from sfu.room.announcements import LARGE_ROOM
from tests.support.eventually import until
from tests.support.joiner import Joiner
from tests.support.node import running_node, token

BURST = 6


async def test_a_burst_of_joins_into_a_large_room_is_few_messages_to_each() -> None:
    names = [f"user{number}" for number in range(LARGE_ROOM + BURST + 1)]
    async with running_node(gather_s=1.0) as deployment, AsyncExitStack() as stack:
        room = await deployment.room(*names)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        url = f"{deployment.url}{deployment.config.websocket_path}"

        async def join(name: str) -> Joiner:
            joiner = Joiner(http, url)
            await joiner.join(room, token(name))
            stack.push_async_callback(joiner.close)
            return joiner

        there = await asyncio.gather(*(join(name) for name in names[:-BURST]))
        await until(lambda: {one.met for one in there} == {len(there) - 1}, "all have met")
        messages = [one.events.total() for one in there]
        newcomers = await asyncio.gather(*(join(name) for name in names[-BURST:]))
        await until(lambda: {one.met for one in [*there, *newcomers]} == {len(names) - 1}, "all have met the newcomers")
        assert all(one.events.total() - before < BURST for one, before in zip(there, messages, strict=True))
