"""Several signaling processes over one Redis and one database: in this process, or real ones that can be killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.eventually import eventually
from tests.support.in_test_node import NODE_SECRET
from tests.support.ports import free_tcp_port
from tests.support.signaling import Server, running

CHECKOUT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def together(data: Path, count: int, **changes: Any) -> AsyncIterator[list[Server]]:  # noqa: ANN401
    """So many signaling processes' worth of Apps in this process."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running(data, **changes)) for _ in range(count)]


class RealProcess:
    """`tertulia signaling` on a port of its own."""

    def __init__(self, data: Path, redis: str, *options: str) -> None:
        self.port = free_tcp_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._words = ["-m", "tertulia", "signaling", "--port", str(self.port), "--data", str(data), "--redis", redis]
        self._words += options
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it and wait until it serves."""
        environment = {"TERTULIA_NODE_SECRET": NODE_SECRET, "TERTULIA_SECRET": SECRET, "PATH": "/usr/bin:/bin"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, *self._words, cwd=CHECKOUT, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=None
        )
        await eventually(self._serves, "signaling serves", 30.0)

    async def kill(self) -> None:
        """End it without a word."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """Ask it to end, and wait until it has; gives its status."""
        return await self._end(signal.SIGTERM)

    async def _serves(self) -> bool:
        try:
            async with aiohttp.ClientSession() as http, http.get(f"{self.url}/healthz") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _end(self, how: signal.Signals) -> int:
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.send_signal(how)
        return await process.wait()


SECRET = "a secret of sixteen bytes or more"
