"""idle_device: what a connected device that does nothing costs signaling, over Socket.IO and over `/ws`.

line -> socket -> served (signaling), on a core of its own     **devices** -> row

Memory and CPU for each device, beyond those of no devices.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import aiohttp

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.line import Line, Tally, encode
from tests.bench.row import Row, at_most, whole
from tests.bench.served import Served, served

DEVICES = 10_000
AT_REST_S = 25.0
"""One heartbeat."""
AT_ONCE = 50  # connections being opened
MEMORY_KIB = 64.0
"""Bar of the memory of an idle device: 10,000 of them then take 640 MB."""
CPU_US_PER_S = 30.0
"""Bar of its CPU, heartbeats included: 10,000 of them then take less than a third of a core."""


class WebSocketLine:
    """A device at `/ws` that reads what comes."""

    def __init__(self) -> None:
        self._socket: aiohttp.ClientWebSocketResponse
        self._reader: asyncio.Task[None]

    async def connect(self, http: aiohttp.ClientSession, url: str, auth: dict[str, object]) -> None:
        """Connect and sign in."""
        self._socket = await http.ws_connect(f"{url}/ws", compress=0)
        await self._socket.send_str(encode(auth).decode())
        await self._socket.receive_str()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()
        await self._reader

    async def _read(self) -> None:
        async for _ in self._socket:
            pass


async def idle(server: Served, devices: int, seconds: float, *, websocket: bool) -> Iterator[Row]:
    """Memory and CPU of devices that do nothing, one user each."""
    before, gate, tally = server.rss(), asyncio.Semaphore(AT_ONCE), Tally()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))

        async def one(number: int) -> None:
            line = WebSocketLine() if websocket else Line(tally)
            auth: dict[str, object] = {"token": server.tokens[number], "device": {"id": "idle"}}
            async with gate:
                await line.connect(http, server.url, auth)
            lines.append(line)

        lines: list[WebSocketLine | Line] = []
        began = time.perf_counter()
        await asyncio.gather(*(one(number) for number in range(devices)))
        opened = devices / (time.perf_counter() - began)
        memory = (server.rss() - before) / devices / 1024
        cpu_s, began = server.cpu_s(), time.perf_counter()
        await asyncio.sleep(seconds)
        cpu = (server.cpu_s() - cpu_s) / (time.perf_counter() - began) / devices * 1e6
        await asyncio.gather(*(line.close() for line in lines))
    return _rows("/ws" if websocket else "/socket.io", devices, opened, memory, cpu)


def _rows(where: str, devices: int, opened: float, memory: float, cpu: float) -> Iterator[Row]:
    name, how = where.strip("/").replace("socket.io", "socketio"), f"{devices:,} devices, opened at {opened:.0f}/s"
    about = f"of an idle device at {where}"
    yield at_most(f"idle_device.{name}.memory", f"memory {about}", memory, "KiB", bar=MEMORY_KIB, how=how)
    yield at_most(f"idle_device.{name}.cpu", f"CPU {about}", cpu, "us/s", bar=CPU_US_PER_S, how=how)


def rows(bench: Bench) -> Iterator[Row]:
    """Both ways to connect."""
    devices = DEVICES // 10 if bench.effort.quick else DEVICES
    found: list[Row] = []
    for name, websocket in (("socketio", False), ("ws", True)):
        with served("signaling", bench.directory / f"idle-{name}", devices) as server:
            found += asyncio.run(idle(server, devices, bench.effort.longest(AT_REST_S), websocket=websocket))
    yield from found
    yield whole("idle_device", "what a device takes that does nothing", found)


FAMILY = Family("idle_device", "a device that does nothing", 2.5, rows)
