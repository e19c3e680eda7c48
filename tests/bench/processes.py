"""Signaling processes over one Redis and one database that a benchmark may kill, with no limit in their way.

`python -m tests.bench.processes DATA REDIS SETTINGS` serves until it is told to stop.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from signaling.app import serve
from signaling.store import Store
from signaling.tokens import AccessTokens
from tests.bench.served import CHECKOUT, LIMITS
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.ports import free_tcp_port
from tests.support.signaling import settings, signed_up
from tests.support.system import answers

START_S = 30.0
TOKEN_S = 7200.0


class Process:
    """One signaling process, on a port of its own."""

    def __init__(self, data: Path, redis: str, **changes: Any) -> None:  # noqa: ANN401 - any setting
        port = free_tcp_port()
        self.url = f"http://127.0.0.1:{port}"
        self._words = (str(data), redis, json.dumps({"port": port, **changes}))
        self._process: asyncio.subprocess.Process

    async def start(self) -> None:
        """Start it and wait until it serves."""
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.processes", *self._words),
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        await eventually(lambda: answers(f"{self.url}/healthz"), "signaling serves", START_S)

    async def end(self, how: signal.Signals) -> int:
        """Send it a signal, if it still runs, and wait for its end; gives its status."""
        if self._process.returncode is None:
            self._process.send_signal(how)
        return await self._process.wait()


@asynccontextmanager
async def two(data: Path, redis: str, **changes: Any) -> AsyncIterator[tuple[Process, Process]]:  # noqa: ANN401
    """Two processes, killed in the end."""
    both = Process(data, redis, **changes), Process(data, redis, **changes)
    started = []
    try:
        for process in both:
            await process.start()
            started.append(process)
        yield both
    finally:
        for process in started:
            await process.end(signal.SIGKILL)


class Town:
    """The users of these processes, made in their database, and their devices."""

    def __init__(self, data: Path) -> None:
        config = settings(data)
        self._url = config.database_url
        self._access = AccessTokens(config.secrets)
        self.store: Store

    async def __aenter__(self) -> Town:
        self.store = await Store.open(self._url)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.store.close()

    async def device(self, name: str, device: str, url: str) -> Device:
        """A device of a user, made or found, connected to a process."""
        user = await signed_up(self.store, name)
        made = Device(user, device)
        token = self._access.make(user.id, now=time.time(), ttl_s=TOKEN_S, session=user.id)
        await made.connect(url, token)
        return made


def main() -> None:
    """Serve."""
    data, redis, changes = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    asyncio.run(serve(settings(data, redis=redis, rates=LIMITS, **changes)))


if __name__ == "__main__":
    main()
