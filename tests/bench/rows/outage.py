"""outage: Redis is stopped for ten seconds under load, and started again.

Two OS processes over one Redis (`appendonly`).  Pairs of devices, one at each, call each other all the time and
repeat what was answered 503 with the same requestID; other calls are up throughout.  Of what was acknowledged nothing
may be lost.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from signaling.store.history import CallFilter
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.processes import Town, two
from tests.bench.row import Row, none_of, told, whole
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.redis import RedisServer, running_redis

CALLS = 50
"""Calls that are up throughout."""
PAIRS = 20
"""Pairs of devices that call each other."""
RATE = 20.0
"""Calls begun a second."""
AWAY_S = 10.0
"""How long Redis is away."""
AGAIN_S = 0.5  # between a 503 and the next attempt
TRIES = 4  # with the same requestID once Redis is back; a 503 that still comes was the request's one answer
LOAD_S = 5.0  # before and after the outage
RESULT_S = 30.0
WRITTEN_S = 5.0  # history is written in batches


@dataclass
class Tally:
    """What everybody has seen."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    back_at: float = math.inf
    rooms: dict[str, tuple[Device, str]] = field(default_factory=dict)  # acknowledged and not left -> creator, token
    accepted: set[str] = field(default_factory=set)  # rooms of calls whose accept was answered
    results: list[int] = field(default_factory=list)  # different results of each invitation
    refused_ms: list[float] = field(default_factory=list)
    served_again_s: dict[str, float] = field(default_factory=dict)  # device -> its first success after the return
    refused_for_good: int = 0

    def answered(self, device: Device) -> None:
        """A request has succeeded after the return."""
        self.served_again_s.setdefault(device.device + device.user.name, time.monotonic() - self.back_at)


async def asked(tally: Tally, device: Device, frame: Frame) -> Frame:
    """What a frame is answered in the end: 503 is asked again."""
    tries = 0
    while tries < TRIES:
        started = time.monotonic()
        answer: Frame = await device.tell(frame)
        if answer.get("error") != 503:
            if started > tally.back_at:
                tally.answered(device)
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


async def measure(calls: int, pairs: int, rate: float, away_s: float) -> list[Row]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as directory, running_redis(Path(directory)) as redis:
        data = Path(directory) / "data"
        async with two(data, redis.url, join_within_s=600.0) as (one, other), Town(data) as town:
            return await _measure(redis, town, (one.url, other.url), (calls, pairs), pairs / rate, away_s)


async def _measure(
    redis: RedisServer, town: Town, urls: tuple[str, str], counts: tuple[int, int], every_s: float, away_s: float
) -> list[Row]:
    node = InTestNode(capacity=100_000)
    await node.connect(urls[0])
    calls, pairs = counts
    tally = Tally()
    talkers = [await town.device(f"talker{number}", "tab", urls[number % 2]) for number in range(calls)]
    up = await _calls_up(talkers, node)
    callers = [await town.device(f"caller{number}", "tab", urls[0]) for number in range(pairs)]
    callees = [await town.device(f"callee{number}", "tab", urls[1]) for number in range(pairs)]
    playing = [asyncio.ensure_future(play(tally, *both, every_s)) for both in zip(callers, callees, strict=True)]
    await asyncio.sleep(LOAD_S)
    before = len(tally.results)
    await asyncio.to_thread(redis.stop)
    await asyncio.sleep(away_s)
    await asyncio.to_thread(redis.start)
    tally.back_at = time.monotonic()
    await eventually(lambda: _reconnected(node, urls[0]), "the node is back", 20.0)
    await asyncio.sleep(LOAD_S)
    tally.over.set()
    await asyncio.gather(*playing)
    lost = [room for room, (device, token) in tally.rooms.items() if not await _is_there(device, room, token)]
    missing = await _not_written(tally.accepted, town)
    rings = [(await device.ask("currentInvitations"))["payload"]["currentInvitations"] for device in callees]
    went_on = {room for room, held in node.rooms.items() if held.peers}
    await node.disconnect()
    for device in (*talkers, *callers, *callees):
        await device.disconnect()
    latency = sorted(tally.refused_ms) or [0.0]
    return [
        told("outage.before", "invitations over a second before the stop", before / LOAD_S, ""),
        none_of("outage.calls", "calls that were up and are not", len(up - went_on), len(up)),
        none_of("outage.rooms", "rooms acknowledged and lost", len(lost), len(tally.rooms)),
        none_of("outage.accepts", "accepts acknowledged and not in history", len(missing), len(tally.accepted)),
        none_of(
            "outage.results", "invitations without exactly one result", _not_one(tally.results), len(tally.results)
        ),
        none_of("outage.ringing", "rings left over", sum(map(len, rings))),
        told("outage.refused", "requests answered 503 meanwhile", len(latency), ""),
        told("outage.refused.p50", "time to a 503, median", latency[len(latency) // 2], "ms"),
        told("outage.refused.longest", "time to a 503, longest", latency[-1], "ms"),
        told(
            "outage.refused.for_good",
            "requests whose one answer is 503, also when repeated",
            tally.refused_for_good,
            "",
        ),
        told("outage.first", "first success after the return", min(tally.served_again_s.values()), "s"),
        told("outage.all", "each device served again after", max(tally.served_again_s.values()), "s"),
    ]


def _not_one(results: list[int]) -> int:
    return len(results) - results.count(1)


async def _not_written(rooms: set[str], town: Town) -> set[str]:
    """Rooms that history does not have, though it was given its time."""

    async def missing() -> set[str]:
        return rooms - {call.record.room for call in await town.store.calls.list(CallFilter(), limit=100_000)}

    async def none() -> bool:
        return not await missing()

    with suppress(AssertionError):
        await eventually(none, "history is written", WRITTEN_S)
    return await missing()


async def _calls_up(talkers: list[Device], node: InTestNode) -> set[str]:
    """Rooms with somebody's media."""
    rooms = [await talker.room() for talker in talkers]
    for room in rooms:
        await node.joined(room["room"], room["token"])
    return {room["room"] for room in rooms}


async def _reconnected(node: InTestNode, url: str) -> bool:
    if not node.sio.connected:
        await node.disconnect()
        await node.connect(url)
    return "close" in node.registered


async def _is_there(device: Device, room: str, token: str) -> bool:
    answer = await device.ask("joinRoom", payload={"room": room})
    return bool(answer.get("payload", {}).get("token") == token)


def rows(bench: Bench) -> Iterator[Row]:
    """What was lost, and how long everything took."""
    away = bench.effort.longest(AWAY_S)
    found = asyncio.run(measure(CALLS, PAIRS, RATE, away))
    yield from found
    yield whole("outage", f"Redis away for {away:g} s under {RATE:g} calls a second", found)


FAMILY = Family("outage", "Redis stopped and started again under load", 0.6, rows)
