"""`python -m tests.bench.outage`: Redis is stopped for ten seconds under load, and started again.

Two signaling processes over one Redis (`appendonly`).  Pairs of devices, one at each, call each other all the time and
repeat what was answered 503 with the same requestID; other calls are up throughout.  Prints a table and writes
build/outage.json: what was acknowledged and is gone, what was answered meanwhile, and the time until requests succeed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import secrets
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from signaling.store.history import CallFilter
from tests.support.eventually import eventually
from tests.support.processes import together
from tests.support.redis import RedisServer, running_redis
from tests.support.signaling import Device, Frame, InTestNode, Server

OUTPUT = Path(__file__).parents[2] / "build" / "outage.json"
AGAIN_S = 0.5  # between a 503 and the next attempt
TRIES = 4  # with the same requestID once Redis is back; a 503 that still comes was the request's one answer
LOAD_S = 5.0  # before and after the outage
RESULT_S = 30.0
RATES = ("rate", "user_rate", "connects")
UNBOUNDED = {f"{rate}_{what}": 1e9 for rate in RATES for what in ("per_s", "burst")} | {
    "rings_of_one_per_min": 1e9,
    "rings_of_one_burst": 1e9,
    "join_within_s": 600.0,
}


@dataclass
class Tally:
    """What everybody has seen."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    back_at: float = math.inf
    rooms: dict[str, tuple[Device, str]] = field(default_factory=dict)  # acknowledged and not left -> creator, token
    accepted: set[str] = field(default_factory=set)  # rooms of calls whose accept was answered
    results: list[int] = field(default_factory=list)  # different results of each invitation
    refused_ms: list[float] = field(default_factory=list)
    first_success_s: float = math.inf
    refused_for_good: int = 0

    def answered(self) -> None:
        """A request has succeeded."""
        self.first_success_s = min(self.first_success_s, max(0.0, time.monotonic() - self.back_at))


async def asked(tally: Tally, device: Device, frame: Frame) -> Frame:
    """What a frame is answered in the end: 503 is asked again."""
    tries = 0
    while tries < TRIES:
        started = time.monotonic()
        answer: Frame = await device.tell(frame)
        if answer.get("error") != 503:
            if started > tally.back_at:
                tally.answered()
            return answer
        tally.refused_ms.append((time.monotonic() - started) * 1000)
        tries += started > tally.back_at
        await asyncio.sleep(AGAIN_S)
    tally.refused_for_good += 1
    return {"error": 503}


def request(name: str, **rest: Any) -> Frame:  # noqa: ANN401
    """A request with an id of its own."""
    return {"request": name, "requestID": secrets.token_hex(6), **rest}


async def play(tally: Tally, caller: Device, callee: Device, every_s: float) -> None:
    """One call after the other; every second one stays up."""
    stays = False
    while not tally.over.is_set():
        stays = not stays
        await one_call(tally, caller, callee, stays=stays)
        await asyncio.sleep(every_s)


async def one_call(tally: Tally, caller: Device, callee: Device, *, stays: bool) -> None:
    """Create, invite, ring, accept, leave."""
    answer = await asked(tally, caller, request("createRoom", payload={}))
    if "payload" not in answer:
        return
    room = answer["payload"]["room"]
    tally.rooms[room] = (caller, answer["payload"]["token"])
    invitation = request("invitation", to=callee.user.name, payload={"room": room})
    result = asyncio.ensure_future(asked(tally, caller, invitation))
    try:
        ringing = asyncio.ensure_future(callee.frame(lambda f: _rings(f, room), RESULT_S))
        await asyncio.wait({result, ringing}, return_when=asyncio.FIRST_COMPLETED)
        if ringing.done() and not ringing.exception():
            ring = ringing.result()
            accept = {"answer": "invitation", "requestID": ring["requestID"], "from": ring["from"]}
            if await asked(tally, callee, accept) == {}:
                tally.accepted.add(room)
        ringing.cancel()
        await asyncio.wait({result}, timeout=RESULT_S)
    finally:
        result.cancel()
    told = {f.get("error", 0) for f in caller.frames if f.get("requestID") == invitation["requestID"]}
    tally.results.append(len(told - {503} or told))
    if not stays:
        del tally.rooms[room]
        tally.accepted.discard(room)
        await asked(tally, caller, request("leaveRoom", payload={"room": room}))


def _rings(frame: Frame, room: str) -> bool:
    return frame.get("request") == "invitation" and frame["payload"]["room"] == room


async def measure(calls: int, pairs: int, rate: float, away_s: float) -> dict[str, Any]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as directory, running_redis(Path(directory)) as redis:
        async with together(Path(directory) / "data", 2, redis=redis.url, **UNBOUNDED) as (one, two):
            return await _measure(redis, one, two, calls, pairs, pairs / rate, away_s)


async def _measure(
    redis: RedisServer, one: Server, two: Server, calls: int, pairs: int, every_s: float, away_s: float
) -> dict[str, Any]:
    node = await one.node(capacity=100_000)
    tally = Tally()
    up = await _calls_up(one, node, calls)
    callers = [await one.device(f"caller{number}") for number in range(pairs)]
    callees = [await two.device(f"callee{number}") for number in range(pairs)]
    playing = [asyncio.ensure_future(play(tally, *both, every_s)) for both in zip(callers, callees, strict=True)]
    await asyncio.sleep(LOAD_S)
    await asyncio.to_thread(redis.stop)
    await asyncio.sleep(away_s)
    await asyncio.to_thread(redis.start)
    tally.back_at = time.monotonic()
    await eventually(lambda: _reconnected(node, one), "the node is back", 20.0)
    await asyncio.sleep(LOAD_S)
    tally.over.set()
    await asyncio.gather(*playing)
    lost = [room for room, (device, token) in tally.rooms.items() if not await _is_there(device, room, token)]
    written = {call.record.room for call in await one.app.store.calls.list(CallFilter(), limit=100_000)}
    rings = [(await device.ask("currentInvitations"))["payload"]["currentInvitations"] for device in callees]
    latency = sorted(tally.refused_ms) or [0.0]
    return {
        "calls_up": calls,
        "calls_up_that_went_on": len(up & {room for room, held in node.rooms.items() if held.peers}),
        "rooms_acknowledged": len(tally.rooms),
        "rooms_acknowledged_and_lost": len(lost),
        "accepts_acknowledged": len(tally.accepted),
        "accepts_not_in_history": len(tally.accepted - written),
        "invitations": len(tally.results),
        "invitations_with_exactly_one_result": tally.results.count(1),
        "rings_left_over": sum(map(len, rings)),
        "requests_told_503": len(tally.refused_ms),
        "told_503_p50_ms": round(latency[len(latency) // 2], 1),
        "told_503_max_ms": round(latency[-1], 1),
        "refused_for_good": tally.refused_for_good,
        "first_success_after_return_s": round(tally.first_success_s, 2),
    }


async def _calls_up(server: Server, node: InTestNode, calls: int) -> set[str]:
    """Rooms with somebody's media."""
    talkers = [await server.device(f"talker{number}") for number in range(calls)]
    rooms = [await talker.room() for talker in talkers]
    for room in rooms:
        await node.joined(room["room"], room["token"])
    return {room["room"] for room in rooms}


async def _reconnected(node: InTestNode, server: Server) -> bool:
    if not node.sio.connected:
        await node.disconnect()
        await node.connect(server.url)
    return "close" in node.registered


async def _is_there(device: Device, room: str, token: str) -> bool:
    answer = await device.ask("joinRoom", payload={"room": room})
    return bool(answer.get("payload", {}).get("token") == token)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50, help="calls that are up throughout")
    parser.add_argument("--pairs", type=int, default=20, help="pairs of devices that call each other")
    parser.add_argument("--rate", type=float, default=20.0, help="calls begun a second")
    parser.add_argument("--seconds", type=float, default=10.0, help="how long Redis is away")
    given = parser.parse_args()
    figures = asyncio.run(measure(given.calls, given.pairs, given.rate, given.seconds))
    table = Table("figure", "value")
    for name, value in figures.items():
        table.add_row(name, str(value))
    Console().print(table)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
