"""calls: complete calls a second and core, beside a bare python-socketio echo server.

line -> socket -> served (signaling, or echo), on a core of its own     **calls** -> row

A call: createRoom, invitation, two devices ring, one accepts, both leave.  Every Socket.IO message that the server
takes or gives is counted, once, at the other end: requests, answers, rings, acknowledgements, and those with the node
(commands and their acknowledgements).  Heartbeats are not.  The echo server gets its messages through the same client,
over WebSocket as well, in the sizes that the messages of a call have, each acknowledged with itself: so one out for one
in, whereas a call has two out for one in, and the database, the rules and the metrics besides.  Neither logs anything.

What is compared is messages per second of the server's CPU time, all threads and the kernel included: the client may
be slower than the server.  The two are measured in turns, for the machine may do other work now and then.  Then calls
are begun at half the rate that was reached, and the time from invitation to ring taken.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from tests.bench.echo import Echo, Rate, http, measured
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.line import Frame, Line, Tally
from tests.bench.row import Row, at_least, at_most, told, whole
from tests.bench.served import Served, served
from tests.support.in_test_node import InTestNode

SECONDS = 12.0
PAIRS = 24
"""Callers that call at once."""
SHARE = 0.6
"""Bar: a call's frames a CPU second, of the echo server's."""
LATENCY_MS = 100.0
"""Bar of invitation to ring, the 99th percentile at half the load: nobody notices."""
TURNS = 4
"""The measurement is cut in so many, echo and calls one after the other."""
ANSWER_S = 20.0
"""No ring by then: the server is broken, and so is the measurement."""


class CountingNode(InTestNode):
    """A node whose frames are counted: each command, and its acknowledgement where one is asked for."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(capacity=1_000_000)
        self._tally = tally

    async def connect(self, url: str, *, register: bool = True) -> None:
        """Connect, and count what passes from then on."""
        await super().connect(url, register=register)
        receive, send = self.sio._handle_eio_message, self.sio._send_packet

        async def received(data: str) -> None:
            self._tally.add(data)
            self.commands.clear()
            await receive(data)

        async def sent(packet: Any) -> None:  # noqa: ANN401 - the library has no types
            self._tally.add(packet.encode())
            await send(packet)

        self.sio.eio.on("message", received)
        self.sio._send_packet = sent


class Pair:
    """A caller with one device and a callee with two; one call after the other."""

    def __init__(self, number: int, tally: Tally) -> None:
        self.number = number
        self.calls = 0
        self.ring_s: list[float] = []
        self._rings: list[Frame] = []
        self._both = asyncio.Event()
        self._invited_at = 0.0
        self.caller = Line(tally)
        self.callees = [Line(tally, self._rung), Line(tally, self._rung)]

    async def connect(self, http: aiohttp.ClientSession, server: Served) -> None:
        """Sign all three devices in."""
        caller, callee = server.tokens[2 * self.number : 2 * self.number + 2]
        await self.caller.connect(http, server.url, {"token": caller, "device": {"id": "caller"}})
        for name, line in zip(("one", "two"), self.callees, strict=True):
            await line.connect(http, server.url, {"token": callee, "device": {"id": name}})

    async def call(self) -> None:
        """One complete call."""
        self.calls += 1
        self._rings.clear()
        self._both.clear()
        made = await self._asked(self.caller, "createRoom", {})
        room = {"room": made["payload"]["room"]}
        self._invited_at = time.perf_counter()
        invitation = asyncio.ensure_future(
            self._asked(self.caller, "invitation", room, to=f"user{2 * self.number + 1}@local")
        )
        async with asyncio.timeout(ANSWER_S):
            await self._both.wait()
        ring = self._rings[0]
        await self.callees[0].ask({"answer": "invitation", "requestID": ring["requestID"], "from": ring["from"]})
        result = await invitation
        assert "whoAccepted" in result, result
        await asyncio.gather(*(self._asked(line, "leaveRoom", room) for line in (self.caller, self.callees[0])))

    async def _asked(self, line: Line, request: str, payload: Frame, **more: object) -> Frame:
        name = f"{request}-{self.number}-{self.calls}"
        answer: Frame = (await line.ask({"request": request, "requestID": name, "payload": payload, **more}))[0]
        return answer

    def _rung(self, frame: Frame) -> None:
        if frame.get("request") == "invitation":
            self.ring_s.append(time.perf_counter() - self._invited_at)
            self._rings.append(frame)
            if len(self._rings) == len(self.callees):
                self._both.set()


class Calls:
    """Signaling under calls: connected pairs and a node."""

    def __init__(self, server: Served, pairs: int) -> None:
        self.server = server
        self.tally = Tally()
        self.pairs = [Pair(number, self.tally) for number in range(pairs)]
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Calls:
        node = CountingNode(self.tally)
        await node.connect(self.server.url)
        self._stack.push_async_callback(node.disconnect)
        session = await self._stack.enter_async_context(http())
        for pair in self.pairs:
            await pair.connect(session, self.server)
            for line in (pair.caller, *pair.callees):
                self._stack.push_async_callback(line.close)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._stack.aclose()

    async def sizes(self) -> list[int]:
        """How large the frames of one call are."""
        self.tally.sizes = []
        await self.pairs[0].call()
        sizes, self.tally.sizes = self.tally.sizes, None
        return sizes

    async def as_fast_as_possible(self, seconds: float) -> Rate:
        """Every pair calls again and again."""
        return await measured(self.server, self.tally, seconds, [pair.call for pair in self.pairs])

    async def at(self, calls_per_s: float, seconds: float) -> list[float]:
        """Calls begun at a steady rate; gives the times from invitation to ring."""
        for pair in self.pairs:
            pair.ring_s.clear()
        begin, free, running = time.perf_counter(), list(self.pairs), set[asyncio.Task[None]]()
        for number in range(int(calls_per_s * seconds)):
            await asyncio.sleep(max(0.0, begin + number / calls_per_s - time.perf_counter()))
            while not free:
                await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            task = asyncio.ensure_future(self._one(free.pop(), free))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.gather(*running)
        return sorted(time_s for pair in self.pairs for time_s in pair.ring_s)

    @staticmethod
    async def _one(pair: Pair, free: list[Pair]) -> None:
        await pair.call()
        free.append(pair)


async def measure(seconds: float, pairs: int, data: Path) -> tuple[Rate, Rate, list[float]]:
    """Echo's rate, the calls' rate, and the times from invitation to ring."""
    with served("signaling", data, 2 * pairs) as server:
        async with Calls(server, pairs) as calls:
            await calls.pairs[0].call()
            sizes = await calls.sizes()
            with served("echo", data) as beside:
                async with Echo(beside, sizes, 3 * pairs) as echo:
                    floor, rate = await in_turns(echo, calls, seconds / TURNS)
            return floor, rate, await calls.at(rate.calls / rate.seconds / 2, seconds)


async def in_turns(echo: Echo, calls: Calls, seconds: float) -> tuple[Rate, Rate]:
    """The rates of both, each measured `TURNS` times for so long."""
    floor = rate = Rate(0, 0, 0.0, 0.0)
    for _ in range(TURNS):
        floor += await echo.as_fast_as_possible(seconds)
        rate += await calls.as_fast_as_possible(seconds)
    return floor, rate


def rows(bench: Bench) -> Iterator[Row]:
    """Messages beside echo's, and how soon it rings."""
    seconds = bench.effort.longest(SECONDS)
    floor, rate, rings = asyncio.run(measure(seconds, PAIRS, bench.directory / "calls"))
    how = f"{PAIRS} pairs, {seconds:g} s in {TURNS} turns"
    parts = [_frames(floor, rate, how), *_rings(rate, rings)]
    yield from parts
    yield told("calls.per_core", "complete calls a CPU second", rate.calls / rate.cpu_s, "calls/s", how=how)
    yield whole("calls", "complete calls, beside an echo server", parts)


def _frames(floor: Rate, rate: Rate, how: str) -> Row:
    busy = [f"{name} busy {one.cpu_s / one.seconds:.0%}" for name, one in (("echo", floor), ("signaling", rate))]
    return at_least(
        "calls.frames",
        f"frames of calls a CPU second ({rate.frames / rate.calls:.0f} a call), beside an echo server's",
        rate.frames_per_cpu_s,
        "/s",
        bar=SHARE * floor.frames_per_cpu_s,
        floor=floor.frames_per_cpu_s,
        how=f"{how}; {', '.join(busy)}",
    )


def _rings(rate: Rate, rings: list[float]) -> Iterator[Row]:
    p50, p99 = (1000 * rings[int(len(rings) * part)] for part in (0.5, 0.99))
    how = f"at {rate.calls / rate.seconds / 2:.0f} calls/s, half the rate that was reached"
    yield told("calls.ring.p50", "invitation to ring, p50", p50, "ms", how=how)
    yield at_most("calls.ring.p99", "invitation to ring, p99", p99, "ms", bar=LATENCY_MS, how=how)


FAMILY = Family("calls", "complete calls, beside an echo server", 1.2, rows)
