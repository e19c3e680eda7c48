"""`python -m tests.bench.node SIGNALING WORKERS`: a node as `tertulia node` runs it, whose counters can be asked for.

system -> **node** -> sfu.app

Prints one line of JSON, `{"udp"}`, answers every line of its standard input with the core's counters, and serves until
that ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from dataclasses import replace

from sfu.app import NodeProcess
from tests.bench.served import more_files
from tests.support.in_test_node import NODE_SECRET
from tests.support.node import node_config

MOST_PEERS = 100_000
START_S = 30.0


async def serve(signaling: str, workers: int) -> None:
    """Serve until the standard input ends."""
    config = node_config(signaling, secret=NODE_SECRET, max_peers=MOST_PEERS, workers=workers)
    process = NodeProcess(replace(config, port=0))
    await process.start()
    try:
        await asyncio.wait_for(process.link.registered.wait(), START_S)
        tell({"udp": process.udp_ports})
        while await asyncio.to_thread(sys.stdin.readline):
            tell(process.core.counters())
    finally:
        await process.stop()


def tell(told: Mapping[str, object]) -> None:
    """One line of JSON."""
    print(json.dumps(told), flush=True)  # noqa: T201


def main() -> None:
    """Run the program."""
    more_files()
    asyncio.run(serve(sys.argv[1], int(sys.argv[2])))


if __name__ == "__main__":
    main()
