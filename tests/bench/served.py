"""The servers that are measured, each a process of its own on a core of its own: signaling, and a bare echo.

`python -m tests.bench.served echo|signaling DATA USERS` prints one JSON line, `{"url", "tokens"}`, and serves until
its standard input ends.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import psutil
import socketio
from aiohttp import web

from signaling.rates import Rates
from tests.support.signaling import running

CHECKOUT = Path(__file__).resolve().parents[2]
CORES = sorted(os.sched_getaffinity(0))
PLENTY = 1e9
LIMITS = Rates(**{each.name: PLENTY for each in fields(Rates)})
"""No limit of ours stands in the way: one address and few users send all there is."""


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    url: str
    tokens: tuple[str, ...]
    process: psutil.Process

    def cpu_s(self) -> float:
        """CPU time it has taken so far, all threads, kernel included."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> int:
        """Its resident memory, in bytes."""
        return int(self.process.memory_info().rss)


@contextmanager
def served(what: str, data: Path, users: int = 0) -> Iterator[Served]:
    """A server in a process of its own, on the first core; this process moves to the others for that time."""
    more_files()
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.bench.served", what, str(data), str(users)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=CHECKOUT, stdin=pipe, stdout=pipe, text=True) as child:  # noqa: S603
        assert child.stdin is not None
        assert child.stdout is not None
        try:
            if len(CORES) > 1:
                os.sched_setaffinity(child.pid, CORES[:1])
                os.sched_setaffinity(0, CORES[1:])
            told = json.loads(child.stdout.readline())
            yield Served(told["url"], tuple(told["tokens"]), psutil.Process(child.pid))
        finally:
            os.sched_setaffinity(0, CORES)
            child.stdin.close()
            child.wait(timeout=60)


def more_files() -> None:
    """As many open sockets as the system lets us have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def _signaling(data: Path, users: int) -> None:
    async with running(data, "socket.io", access_ttl_s=7200.0, rates=LIMITS) as server:
        made = [await server.user(f"user{number}") for number in range(users)]
        _tell(server.url, [server.token(user, ttl_s=7200.0) for user in made])
        await asyncio.to_thread(sys.stdin.read)


async def _echo() -> None:
    """python-socketio on aiohttp as it comes, and nothing else: every frame is acknowledged with itself."""
    make: Any = socketio.AsyncServer
    sio = make(async_mode="aiohttp", cors_allowed_origins="*")

    async def echo(_sid: str, frame: object) -> object:
        return frame

    sio.on("message", echo)
    app = web.Application()
    sio.attach(app)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    _tell(f"http://127.0.0.1:{runner.addresses[0][1]}", [])
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


def _tell(url: str, tokens: list[str]) -> None:
    print(json.dumps({"url": url, "tokens": tokens}), flush=True)  # noqa: T201


def main() -> None:
    """Serve."""
    what, data, users = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    more_files()
    with suppress(KeyboardInterrupt):
        asyncio.run(_echo() if what == "echo" else _signaling(data, users))


if __name__ == "__main__":
    main()
