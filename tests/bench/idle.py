"""`python -m tests.bench.idle`: what a connected device that does nothing costs, over Socket.IO and over `/ws`.

Prints a table and writes build/idle.json: the server's memory and CPU for each device, beyond those of no devices.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import aiohttp

from tests.bench.bench import Figure, figure, report
from tests.bench.line import Line, Tally, encode
from tests.bench.served import Served, served

OUTPUT = Path(__file__).parents[2] / "build" / "idle.json"
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


async def idle(server: Served, devices: int, seconds: float, *, websocket: bool) -> Iterator[Figure]:
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
    return _figures("/ws" if websocket else "/socket.io", devices, opened, memory, cpu)


def _figures(where: str, devices: int, opened: float, memory: float, cpu: float) -> Iterator[Figure]:
    what = f"of an idle device at {where} ({devices:,}, opened at {opened:.0f}/s)"
    yield figure(f"memory {what}", memory, "KiB", bar=MEMORY_KIB)
    yield figure(f"CPU {what}", cpu, "us/s", bar=CPU_US_PER_S)


@contextmanager
def _signaling(users: int) -> Iterator[Served]:
    with tempfile.TemporaryDirectory() as directory, served("signaling", Path(directory), users) as server:
        yield server


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=50.0, help="at rest: two heartbeats (default %(default)s)")
    given = parser.parse_args()
    found: list[Figure] = []
    for websocket in (False, True):
        with _signaling(given.devices) as server:
            found += asyncio.run(idle(server, given.devices, given.seconds, websocket=websocket))
    report(found, "Devices that do nothing", OUTPUT)


if __name__ == "__main__":
    main()
