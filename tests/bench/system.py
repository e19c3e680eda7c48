"""`python -m tests.bench.system DATA USERS WORKERS`: signaling and a node, children of one process.

targets -> **system** -> served (signaling), node

Prints one line of JSON, `{"url", "tokens", "signaling", "node"}` (the last two are process ids), answers every line of
its standard input with the node's counters, and serves until that ends.  The CPU of the whole system is this process's
with its children.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from tests.bench.node import tell
from tests.bench.programs import program


def main() -> None:
    """Run the program."""
    data, users, workers = sys.argv[1:]
    Path(data).mkdir(parents=True, exist_ok=True)
    with (
        suppress(KeyboardInterrupt),  # whoever started this ends the same way, and tells
        program("tests.bench.served", "signaling", data, users) as signaling,
        program("tests.bench.node", "with", signaling.told["url"], workers) as node,
    ):
        tell(signaling.told | {"signaling": signaling.pid, "node": node.pid})
        while sys.stdin.readline():
            tell(node.ask())


if __name__ == "__main__":
    main()
