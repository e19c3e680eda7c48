"""`python -m tests.bench.failover`: one of two signaling processes is killed in the middle of calls and rings.

Two processes over one Redis; half of all devices, and the node, are at the one that dies.  Prints a table and writes
build/failover.json: results each caller got, rings left over, rooms the node still holds, and the time until all is
well.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from signaling.qss.identifiers import UserId
from tests.support.processes import RealProcess
from tests.support.redis import running_redis
from tests.support.signaling import Device, InTestNode, Server, running

OUTPUT = Path(__file__).parents[2] / "build" / "failover.json"
WITHIN_S = 60.0


async def measure(calls: int, ringing: int) -> dict[str, Any]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as directory, running_redis(Path(directory)) as redis:
        data = Path(directory) / "data"
        doomed = RealProcess(data, redis.url, "--ring-timeout", "40")
        async with running(data, redis=redis.url, ring_timeout_s=40.0) as server:
            await doomed.start()
            node = InTestNode(capacity=100_000)
            await node.connect(doomed.url)
            server.clients.append(node)

            async def device(name: str, url: str) -> Device:
                user = await server.user(name)
                made = Device(user, name)
                await made.connect(url, server.token(user))
                server.clients.append(made)
                return made

            urls = [doomed.url, server.url]
            held: set[str] = set()
            here = server.app.state.process
            for number in range(calls):
                caller = await device(f"talker{number}", urls[number % 2])
                room = await caller.room()
                await node.joined(room["room"], room["token"])
                held.add(room["room"])
            pairs = []
            for number in range(ringing):
                caller = await device(f"caller{number}", urls[number % 2])
                callee = await device(f"callee{number}", urls[number // 2 % 2])
                room = await caller.room()
                await caller.invite(callee.user.name, room["room"])
                await callee.ring()
                pairs.append((caller, callee))
            await doomed.kill()
            lost = {one.user.id for one in server.clients if isinstance(one, Device) and await _at(server, one) != here}
            killed = time.monotonic()
            await node.disconnect()
            await node.connect(server.url)
            alive = [(await _moved(server, one, lost), await _moved(server, two, lost)) for one, two in pairs]
            reconnected = time.monotonic() - killed
            for caller, callee in alive:
                if rings := callee.rings() or [await callee.ring()]:
                    await callee.decline(rings[-1])
                await caller.frame(lambda f: f.get("requestID") == "invite-1", within_s=WITHIN_S)
            recovered = time.monotonic() - killed
            results = [len({json.dumps(f) for f in c.frames if f.get("requestID") == "invite-1"}) for c, _ in alive]
            current = [await c.ask("currentInvitations") for _, c in alive]
            left = sum(len(answer["payload"]["currentInvitations"]) for answer in current)
            return {
                "calls": calls,
                "ringing": ringing,
                "callers_with_exactly_one_result": results.count(1),
                "rings_left_over": left,
                "calls_still_held_by_the_node": len(held & set(node.rooms)),
                "reconnected_s": round(reconnected, 2),
                "recovered_s": round(recovered, 2),
            }


async def _at(server: Server, device: Device) -> str:
    """The process that a device is connected to."""
    return (await server.app.state.devices.of(device.user.id))[0].process


async def _moved(server: Server, device: Device, lost: set[UserId]) -> Device:
    """The device itself, or its successor at the process that lives."""
    if device.user.id not in lost:
        return device
    made: Device = await server.device(device.user.name, device.device)
    return made


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--ringing", type=int, default=200)
    given = parser.parse_args()
    figures = asyncio.run(measure(given.calls, given.ringing))
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
