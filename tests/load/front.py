"""WHIP (RFC 9725) and WHEP in front of any server: HTTP here, what it means in the server's adapter.

tertulia load -> **front** -> adapter (janus, relay)

`POST /whip/{room}/{name}` publishes and `POST /whep/{room}/{name}` watches everybody in the room but `name`.  Both take
an SDP offer, give 201 with the answer, and an address that takes DELETE.  There are no tokens: adapters serve
measurements on loopback.
"""

from __future__ import annotations

import asyncio
import json
import resource
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from tests.load.adapter import Adapter, Joined, Refused

SDP_TYPE = "application/sdp"
MAX_OFFER_BYTES = 256 * 1024
"""An offer of 50 seats has 60 KiB."""


class Front:
    """The HTTP side.  Owns the connections that were made through it."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
        self._joined: dict[str, Joined] = {}

    def application(self) -> web.Application:
        """What serves it."""
        app = web.Application(client_max_size=MAX_OFFER_BYTES)
        for kind, join in (("whip", self._adapter.publish), ("whep", self._adapter.watch)):
            app.router.add_post(f"/{kind}/{{room}}/{{name}}", self._joining(join))
            app.router.add_delete(f"/{kind}/{{room}}/{{name}}/{{id}}", self._leave)
        return app

    async def close(self) -> None:
        """End every connection."""
        while self._joined:
            _, joined = self._joined.popitem()
            await joined.leave()

    def _joining(
        self, join: Callable[[str, str, str], Awaitable[Joined]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            if request.content_type != SDP_TYPE:
                return web.Response(status=415, text=f"the body must be {SDP_TYPE}")
            room, name = request.match_info["room"], request.match_info["name"]
            try:
                joined = await join(room, name, await request.text())
            except Refused as refused:
                return web.Response(status=406, text=str(refused))
            number = secrets.token_hex(8)
            self._joined[number] = joined
            headers = {"Location": f"{request.path}/{number}"}
            return web.Response(status=201, text=joined.answer, content_type=SDP_TYPE, headers=headers)

        return handler

    async def _leave(self, request: web.Request) -> web.Response:
        joined = self._joined.pop(request.match_info["id"], None)
        if joined is None:
            return web.Response(status=404, text="no such connection")
        await joined.leave()
        return web.Response(status=200)


@asynccontextmanager
async def serving(adapter: Adapter) -> AsyncIterator[str]:
    """The front on a free port of this machine; gives its base URL."""
    front = Front(adapter)
    runner = web.AppRunner(front.application(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await front.close()
        await runner.cleanup()


async def until_input_ends(url: str, pid: int, version: str) -> None:
    """Tell whoever started this program where it serves, on one line of JSON, and wait until he lets go."""
    told = {"url": url, "pid": pid, "version": version}
    print(json.dumps(told), flush=True)  # noqa: T201
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


def more_files() -> None:
    """As many open sockets as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
