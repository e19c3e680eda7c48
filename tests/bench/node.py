"""A node as `tertulia node` runs it, whose counters can be asked for.

system, targets -> **node** -> sfu.app

`python -m tests.bench.node with SIGNALING WORKERS` is registered with signaling.  `python -m tests.bench.node alone
WORKERS ROOMS PUBLISHERS` has so many rooms, made by a stand-in for signaling in this process: whoever publishes or
watches comes by WHIP and WHEP, as to the servers that it is compared with, and nobody is told of anybody.

Prints one line of JSON, `{"url", "tokens"}`, answers every line of its standard input with the core's counters, and
serves until that ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

from sfu.app import NodeProcess
from sfu.yielding import yield_to_core
from tests.bench.served import more_files
from tests.support.in_test_node import NODE_SECRET
from tests.support.node import node_config, running_node, token

MOST_PEERS = 100_000
START_S = 30.0


async def with_signaling(signaling: str, workers: int) -> None:
    """Registered with signaling."""
    process = NodeProcess(node_config(signaling, secret=NODE_SECRET, max_peers=MOST_PEERS, workers=workers))
    await process.start()
    try:
        await asyncio.wait_for(process.link.registered.wait(), START_S)
        await _serve(process, ())
    finally:
        await process.stop()


async def alone(workers: int, rooms: int, publishers: int) -> None:
    """With rooms of its own: publishers are a user each, all watchers are one more, with as many devices as come."""
    users = [f"publisher{number}" for number in range(publishers)] + ["watcher"]
    async with running_node(max_peers=MOST_PEERS, workers=workers) as deployment:
        for _ in range(rooms):
            await deployment.room(*users, limit=len(users))
        await _serve(deployment.process, [token(user) for user in users])


async def _serve(process: NodeProcess, tokens: Sequence[str]) -> None:
    """As `tertulia node` does, and answer until the standard input ends."""
    yield_to_core()
    tell({"url": f"http://127.0.0.1:{process.http_port}", "tokens": list(tokens)})
    while await asyncio.to_thread(sys.stdin.readline):
        tell(process.core.counters())


def tell(told: Mapping[str, object]) -> None:
    """One line of JSON."""
    print(json.dumps(told), flush=True)  # noqa: T201


def main() -> None:
    """Run the program."""
    more_files()
    how, *arguments = sys.argv[1:]
    run = with_signaling(arguments[0], int(arguments[1])) if how == "with" else alone(*map(int, arguments))
    with suppress(KeyboardInterrupt):
        asyncio.run(run)


if __name__ == "__main__":
    main()
