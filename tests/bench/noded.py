"""The node that is measured, in a process of its own: nothing in its way, and signaling is the caller's.

`python -m tests.bench.noded SIGNALING` prints one JSON line, `{"url", "path"}`, and serves until the end of its
standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psutil

from sfu.app import NodeProcess
from tests.bench.served import CHECKOUT, CORES, more_files
from tests.support.node import node_config
from tests.support.stand_in import Signaling

START_S = 30.0
MANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Noded:
    """A node that runs, and the signaling it believes in."""

    url: str
    path: str
    """Of the WebSocket."""
    signaling: Signaling
    process: psutil.Process

    def cpu_s(self) -> float:
        """CPU time it has taken so far, all threads, kernel included."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def rss(self) -> int:
        """Its resident memory, in bytes."""
        return int(self.process.memory_info().rss)


@asynccontextmanager
async def noded() -> AsyncIterator[Noded]:
    """A node on the first core, registered here; this process moves to the others for that time."""
    more_files()
    signaling = await Signaling().start()
    command = [sys.executable, "-m", "tests.bench.noded", f"http://127.0.0.1:{signaling.port}"]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, stdin=pipe, stdout=pipe)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        if len(CORES) > 1:
            os.sched_setaffinity(child.pid, CORES[:1])
            os.sched_setaffinity(0, CORES[1:])
        told = json.loads(await child.stdout.readline())
        await signaling.registered(START_S)
        yield Noded(told["url"], told["path"], signaling, psutil.Process(child.pid))
    finally:
        os.sched_setaffinity(0, CORES)
        child.stdin.close()
        await child.wait()
        await signaling.stop()


async def _serve(signaling: str) -> None:
    config = node_config(signaling, max_peers=MANY, max_rooms=MANY)
    process = NodeProcess(config)
    await process.start()
    told = {"url": f"http://127.0.0.1:{process.http_port}", "path": config.websocket_path}
    print(json.dumps(told), flush=True)  # noqa: T201
    await asyncio.to_thread(sys.stdin.read)
    await process.stop()


def main() -> None:
    """Serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("signaling")
    given = parser.parse_args()
    more_files()
    asyncio.run(_serve(given.signaling))


if __name__ == "__main__":
    main()
