"""node_joins: what a join costs a node alone, how long it takes, and what a peer that is there costs.

stand-in for signaling, joiners -> **node_joins** -> noded (a node on a core of its own) -> row

1. Joins as fast as they go, into rooms of 4: per second of the node's CPU time (all threads, kernel included).
2. Joins at a steady rate, into rooms in which somebody speaks: from the offer to the first media packet.
3. Joins into one large room, silent so that media takes no time: the node's CPU for each, and the messages that those
   who are there get of it.
4. What stays: resident memory a receiver and a publisher, and the CPU of receivers that do nothing but consent.

Signaling is a stand-in that admits everybody: what a call costs it is `calls.py`'s, the way through both `joins.py`'s.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager

import aiohttp

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.noded import Noded, noded
from tests.bench.row import Row, at_least, at_most, told, whole
from tests.support.joiner import Joiner

JOINS, RATE, RATE_S = 1_000, 20.0, 15.0
LARGE, INTO_LARGE = 500, 20
"""People in the large room, and joins into it of each kind."""
ROOM_OF = 4
AT_ONCE = 16
SPEECH_S = 0.02
SETTLE_S = 3.0
"""For announcements, statistics and freed memory, before a figure is taken."""
CONSENT_S = 5.0

JOINS_PER_CPU_S = 100.0
FIRST_PACKET_MS = 150.0
MESSAGES_EACH = 1.0
RECEIVER_KIB = 100.0
PUBLISHER_KIB = 1_024.0


class Party:
    """Everybody who joins one node.  Owns the joiners."""

    def __init__(self, node: Noded, http: aiohttp.ClientSession) -> None:
        self.node = node
        self._http = http
        self._names = itertools.count()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self.joiners: list[Joiner] = []

    async def room(self, limit: int) -> str:
        """A new room."""
        room = f"{next(self._names):064x}"
        answer = await self.node.signaling.ask(
            "open_room", room=room, record={}, participants_limit=limit, bitrate=1024
        )
        assert answer == {}, answer
        return room

    async def admit(self, room: str) -> tuple[str, str]:
        """A new user of the room: the room, and his token."""
        token = f"token-{next(self._names)}"
        digest = hashlib.sha256(token.encode()).hexdigest()
        grant = await self.node.signaling.ask("grant", room=room, user=f"user of {token}", serial=1, digest=digest)
        assert grant == {}, grant
        return room, token

    async def join(self, place: tuple[str, str], *, publishes: bool = False) -> Joiner:
        """One more peer, whose media is connected."""
        async with self._gate:
            joiner = Joiner(self._http, f"{self.node.url}{self.node.path}", publishes=publishes)
            await joiner.join(*place)
            self.joiners.append(joiner)
        return joiner

    async def speak(self) -> None:
        """Whoever publishes sends 50 times a second, until cancelled."""
        while True:
            for joiner in self.joiners:
                if joiner.publishes:
                    joiner.send()
            await asyncio.sleep(SPEECH_S)

    async def consent(self) -> None:
        """Everybody says now and then that he is there, until cancelled."""
        while True:
            pause_s = CONSENT_S / (len(self.joiners) + 1)
            for joiner in list(self.joiners):
                joiner.check()
                await asyncio.sleep(pause_s)
            await asyncio.sleep(pause_s)

    async def close(self) -> None:
        """End all."""
        await asyncio.gather(*(joiner.close() for joiner in self.joiners))


@asynccontextmanager
async def party() -> AsyncIterator[Party]:
    """A node with nobody in it."""
    connector = aiohttp.TCPConnector(limit=0)
    async with noded() as node, aiohttp.ClientSession(connector=connector) as http:
        guests = Party(node, http)
        background = [asyncio.ensure_future(work()) for work in (guests.speak, guests.consent)]
        try:
            yield guests
        finally:
            for task in background:
                task.cancel()
            await asyncio.wait(background)
            await guests.close()


async def fast(joins: int) -> list[Row]:
    """Joins as fast as they go, and what stays of them."""
    async with party() as guests:
        places = [place for _ in range(joins // ROOM_OF) for place in await _places(guests, ROOM_OF)]
        await asyncio.gather(*(guests.join(place) for place in places[:ROOM_OF]))
        await asyncio.sleep(SETTLE_S)
        node, begin = guests.node, time.perf_counter()
        cpu_s, rss = node.cpu_s(), node.rss()
        await asyncio.gather(*(guests.join(place) for place in places[ROOM_OF:]))
        took_s = time.perf_counter() - begin
        cpu_s, joined = node.cpu_s() - cpu_s, len(places) - ROOM_OF
        await asyncio.sleep(SETTLE_S)
        stays = (node.rss() - rss) / joined / 1024
        idle = await _idle_cpu(guests)
    how = f"{joined:,} joins into rooms of {ROOM_OF}, at {joined / took_s:.0f}/s"
    about = f"CPU of a receiver that does nothing, a check each {CONSENT_S:g} s"
    return [
        at_least(
            "node_joins.rate", "joins a CPU second of the node", joined / cpu_s, "/s", bar=JOINS_PER_CPU_S, how=how
        ),
        at_most("node_joins.receiver", "memory of a receiver, 4 seats", stays, "KiB", bar=RECEIVER_KIB, how=how),
        told("node_joins.idle", about, idle, "us/s", how=how),
    ]


async def steady(rate: float, seconds: float) -> list[Row]:
    """Joins at a steady rate into rooms in which one speaks."""
    async with party() as guests:
        places, speakers = [], []
        for _ in range(int(rate * seconds) // (ROOM_OF - 1)):
            first, *others = await _places(guests, ROOM_OF)
            speakers.append(first)
            places += others
        before = guests.node.rss()
        await asyncio.gather(*(guests.join(place, publishes=True) for place in speakers))
        await asyncio.sleep(SETTLE_S)
        publisher = (guests.node.rss() - before) / len(speakers) / 1024
        begin, tasks = time.perf_counter(), []
        for number, place in enumerate(places):
            await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
            tasks.append(asyncio.ensure_future(_first_packet(guests, place)))
        waits = sorted(await asyncio.gather(*tasks))
    p50, p95 = (1_000 * waits[int(len(waits) * part)] for part in (0.5, 0.95))
    about, how = "offer to first packet", f"{len(waits)} joins at {rate:g}/s"
    memory = f"memory of a publisher, {SETTLE_S:g} s of voice and video"
    return [
        told("node_joins.first_packet.p50", f"{about}, p50", p50, "ms", how=how),
        at_most("node_joins.first_packet.p95", f"{about}, p95", p95, "ms", bar=FIRST_PACKET_MS, how=how),
        at_most("node_joins.publisher", memory, publisher, "KiB", bar=PUBLISHER_KIB, how=f"{len(speakers)} of them"),
    ]


async def large(size: int, joins: int) -> list[Row]:
    """Joins into one room that is full of people already: one by one, then in a burst."""
    async with party() as guests:
        places = await _places(guests, size + 2 * joins)
        await asyncio.gather(*(guests.join(place) for place in places[:size]))
        there = list(guests.joiners)
        singly = await _into(guests, there, places[size : size + joins], pause_s=0.25)
        burst = await _into(guests, there, places[size + joins :], pause_s=0.0)
    return [*_each("one_by_one", size, *singly), *_each("burst", size, *burst)]


async def _into(
    guests: Party, there: list[Joiner], places: list[tuple[str, str]], *, pause_s: float
) -> tuple[float, dict[str, float]]:
    """The node's CPU seconds for each of these joins, and what each of those who are there gets of it."""
    await _quiet(there)
    rest, before = await _rest_cpu_s(guests), _events(there)
    cpu_s, begin = guests.node.cpu_s(), time.perf_counter()
    for place in places:
        await guests.join(place)
        await asyncio.sleep(pause_s)
    await _quiet(there)
    cpu_s = guests.node.cpu_s() - cpu_s - rest * (time.perf_counter() - begin)
    got = _events(there) - before
    return cpu_s / len(places), {name: count / len(places) / len(there) for name, count in got.items()}


def _each(way: str, size: int, cpu_s: float, got: Mapping[str, float]) -> Iterator[Row]:
    how = ", ".join(f"{name} {share:.2f}" for name, share in got.items())
    about = f"messages of a join to each of {size:,} in the room"
    yield at_most(f"node_joins.{way}.messages", about, sum(got.values()), "", bar=MESSAGES_EACH, how=how)
    yield told(f"node_joins.{way}.cpu", "CPU of a join into that room", 1_000 * cpu_s, "ms")


def _events(joiners: list[Joiner]) -> Counter[str]:
    """Messages that the node sent them, beside who speaks."""
    events = sum((joiner.events for joiner in joiners), Counter[str]())
    events.pop("speakers", None)
    return events


async def _quiet(joiners: list[Joiner]) -> None:
    """Wait until nothing more is told."""
    before, after = Counter[str](), _events(joiners)
    while before != after:
        await asyncio.sleep(SETTLE_S)
        before, after = after, _events(joiners)


async def _rest_cpu_s(guests: Party) -> float:
    """CPU seconds a second while nobody comes."""
    begin, cpu_s = time.perf_counter(), guests.node.cpu_s()
    await asyncio.sleep(SETTLE_S)
    return (guests.node.cpu_s() - cpu_s) / (time.perf_counter() - begin)


async def _idle_cpu(guests: Party) -> float:
    return await _rest_cpu_s(guests) / len(guests.joiners) * 1e6


async def _places(guests: Party, size: int) -> list[tuple[str, str]]:
    room = await guests.room(size)
    return [await guests.admit(room) for _ in range(size)]


async def _first_packet(guests: Party, place: tuple[str, str]) -> float:
    joiner = await guests.join(place)
    await joiner.heard()
    return joiner.heard_at - joiner.began


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    share = 5 if bench.effort.quick else 1
    parts = asyncio.run(fast(JOINS // share))
    parts += asyncio.run(steady(RATE, bench.effort.longest(RATE_S)))
    parts += asyncio.run(large(LARGE // share, INTO_LARGE // share))
    yield from parts
    yield whole("node_joins", "joining a node, and being there", parts)


FAMILY = Family("node_joins", "what a join costs a node alone", 1.0, rows)
