"""aiortc publishes and watches through the adapters: what comes out of the other servers is media that decodes."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from tests.load.adapter import Adapter
from tests.load.front import SDP_TYPE, serving
from tests.load.janus import running as running_janus
from tests.load.janus_config import installed
from tests.load.relay import running as running_relay
from tests.support.clients import Media, NotConnected
from tests.support.ports import has_address_beside_loopback

needs_janus = pytest.mark.skipif(
    installed() is None or not has_address_beside_loopback(),
    reason="Janus is a peer of the benchmark and not of the tests: tools/peers.sh installs it",
)


@asynccontextmanager
async def janus() -> AsyncIterator[Adapter]:
    async with running_janus() as (adapter, _pid, _version):
        yield adapter


@asynccontextmanager
async def relay() -> AsyncIterator[Adapter]:
    async with running_relay() as (adapter, _pid, _version):
        yield adapter


EACH = [pytest.param(janus, marks=needs_janus, id="janus"), pytest.param(relay, id="relay")]


@pytest.fixture(params=EACH)
async def front(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    async with request.param() as adapter, serving(adapter) as url:
        yield url


class Client:
    def __init__(self, url: str, media: Media) -> None:
        self.media = media
        self.location = ""
        self._url = url

    async def post(self, path: str) -> None:
        body, headers = await self.media.offer(), {"Content-Type": SDP_TYPE}
        async with aiohttp.ClientSession() as http, http.post(self._url + path, data=body, headers=headers) as answer:
            text = await answer.text()
            assert answer.status == 201, text
            self.location = answer.headers["Location"]
        await self.media.apply(text)
        await self.media.connected()

    async def leave(self) -> int:
        async with aiohttp.ClientSession() as http, http.delete(self._url + self.location) as answer:
            return answer.status


async def joined(
    stack: AsyncExitStack, url: str, path: str, *, publish: Sequence[str] = ("audio", "video"), seats: int = 0
) -> Client:
    """Somebody who is connected, at the second try if need be.

    Once a connection to the relay was not made within 30 s.  Both its ends are aiortc's, and what is to be shown here
    is what comes over one that is made.
    """
    with contextlib.suppress(NotConnected):
        return await _joined(stack, url, path, publish, seats)
    return await _joined(stack, url, path, publish, seats)


async def _joined(stack: AsyncExitStack, url: str, path: str, publish: Sequence[str], seats: int) -> Client:
    client = Client(url, Media(publish=publish, seats=seats))
    stack.push_async_callback(client.media.close)
    await client.post(path)
    return client


async def test_a_watcher_sees_and_hears_who_publishes(front: str) -> None:
    async with AsyncExitStack() as stack:
        await joined(stack, front, "/whip/hall/alice")
        bob = await joined(stack, front, "/whep/hall/bob", publish=(), seats=1)
        for mid in bob.media.watches:
            await bob.media.sees(mid)
        assert await bob.leave() == 200
        assert await bob.leave() == 404


async def test_three_in_a_meeting_hear_the_two_others_and_not_themselves(front: str) -> None:
    names = ("alice", "bob", "carol")
    async with AsyncExitStack() as stack:
        for name in names:
            await joined(stack, front, f"/whip/office/{name}", publish=["audio"])
        for name in names:
            watcher = await joined(stack, front, f"/whep/office/{name}", publish=(), seats=2)
            assert len(watcher.media.watches) == 2
            for mid in watcher.media.watches:
                await watcher.media.sees(mid)


async def test_what_is_no_offer_is_refused_with_a_reason(front: str) -> None:
    async with aiohttp.ClientSession() as http:
        for path in ("/whip/hall/alice", "/whep/hall/bob"):
            async with http.post(front + path, data="v=0", headers={"Content-Type": SDP_TYPE}) as answer:
                assert answer.status == 406
                assert await answer.text()
            async with http.post(front + path, data="{}", headers={"Content-Type": "application/json"}) as answer:
                assert answer.status == 415
