"""failover: one of two signaling processes is killed in the middle of calls and rings.

Two OS processes over one Redis; half of all devices, and the node, are at the one that dies.  A quarter of the ringing
is accepted at the very moment of the kill, a quarter accepted and a quarter declined after it, and a quarter rings on
into its timeout.  Devices that lose their connection connect to the other process and repeat the invitation that they
have no result for, as clients do.  Of what was done nothing may be lost.
"""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import socketio

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.processes import Process, Town, two
from tests.bench.row import Row, none_of, told, whole
from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.redis import running_redis

CALLS, RINGING = 200, 200
AT_ONCE = 20  # connections and calls that are being made
RING_S = 25.0
WITHIN_S = RING_S + 20.0  # from the kill to the last result
INVITE = "invite-1"
DURING, ACCEPT, DECLINE, LET_RING = "accepted during the kill", "accepted", "declined", "let ring"
WAYS = (DURING, ACCEPT, DECLINE, LET_RING)

T = TypeVar("T")


@dataclass
class Person:
    """A device that connects again, to the process that lives, once its connection is lost."""

    town: Town
    device: Device
    url: str
    earlier: list[Frame] = field(default_factory=list)

    @property
    def frames(self) -> list[Frame]:
        """All that it has got, over whatever connection."""
        return [*self.earlier, *self.device.frames]

    def results(self) -> list[Frame]:
        """Every frame that ends its invitation, repetitions too."""
        return [f for f in self.frames if f.get("requestID") == INVITE and ("answer" in f or "cancel" in f)]

    async def moves(self, url: str) -> None:
        """Connect to another process."""
        await self.device.disconnect()
        self.earlier += self.device.frames
        self.device, self.url = await self.town.device(self.device.user.name, self.device.device, url), url


@dataclass
class Pair:
    """Somebody who invites, the two devices that ring, and what becomes of it."""

    caller: Person
    callees: tuple[Person, Person]
    room: str
    way: str
    asked: int = 0

    async def invite(self) -> None:
        """Invite, or say again that one does."""
        self.asked += 1
        await self.caller.device.invite(self.callees[0].device.user.name, self.room, INVITE)

    async def answer(self) -> None:
        """Accept at the first device or decline at both, again and again, until the caller knows."""
        while not self.caller.results():
            for callee in self.callees if self.way == DECLINE else self.callees[:1]:
                for ring in callee.device.rings():
                    with suppress(socketio.exceptions.SocketIOError):
                        await (callee.device.decline(ring) if self.way == DECLINE else callee.device.accept(ring))
            await asyncio.sleep(0.1)

    def rings_left(self) -> int:
        """Devices at which a ring was neither cancelled nor answered there."""
        answered = {DURING: 1, ACCEPT: 1, DECLINE: 2, LET_RING: 0}[self.way]
        return sum(len(callee.device.rings()) for callee in self.callees[answered:])


@dataclass
class Scene:
    """Everybody, before the kill."""

    node: InTestNode
    calls: dict[str, set[str]]
    """Rooms of calls in progress -> their peers."""
    talkers: list[tuple[Person, str, str]]
    """A participant, the room, the room token."""
    pairs: list[Pair]

    def people(self) -> list[Person]:
        """Everybody who has a device."""
        ringing = [one for pair in self.pairs for one in (pair.caller, *pair.callees)]
        return [*(one for one, _, _ in self.talkers), *ringing]

    def dropped(self) -> int:
        """Calls that lack a peer at the node, or the room."""
        return sum(1 for room, peers in self.calls.items() if not peers <= self.peers(room))

    def peers(self, room: str) -> set[str]:
        """The peers of a room at the node."""
        return set(self.node.rooms[room].peers) if room in self.node.rooms else set()


async def bounded(jobs: Iterable[Awaitable[T]]) -> list[T]:
    """What they give, a few of them at once."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(job: Awaitable[T]) -> T:
        async with gate:
            return await job

    return await asyncio.gather(*map(one, jobs))


async def set_up(town: Town, urls: tuple[str, str], calls: int, ringing: int) -> Scene:
    """Calls with both participants' media, and invitations that ring at two devices each."""
    node = InTestNode(capacity=100_000)
    await node.connect(urls[0])

    async def person(name: str, device: str, url: str) -> Person:
        return Person(town, await town.device(name, device, url), url)

    scene = Scene(node, {}, [], [])

    async def call(number: int) -> None:
        one = await person(f"one{number}", "tab", urls[number % 2])
        other = await person(f"other{number}", "tab", urls[number // 2 % 2])
        room = await one.device.room()
        await one.device.invite(other.device.user.name, room["room"])
        ring = await other.device.ring()
        assert await other.device.accept(ring) == {}
        tokens = (room["token"], ring["payload"]["token"])
        scene.calls[room["room"]] = {await node.joined(room["room"], token) for token in tokens}
        scene.talkers += [
            (who, room["room"], token) for who, token in zip((one, other), tokens, strict=True)
        ]  # fmt: skip

    async def pair(number: int) -> Pair:
        here, there = urls[number // 2 % 2], urls[1 - number // 2 % 2]
        caller = await person(f"caller{number}", "tab", urls[number % 2])
        callees = [await person(f"callee{number}", device, url) for device, url in (("tab", here), ("phone", there))]
        room = await caller.device.room()
        return Pair(caller, (callees[0], callees[1]), room["room"], WAYS[number // 4 % 4])

    await bounded(map(call, range(calls)))
    scene.pairs += await bounded(map(pair, range(ringing)))
    await bounded(one.invite() for one in scene.pairs)
    await bounded(who.device.ring() for one in scene.pairs for who in one.callees)
    return scene


async def measure(calls: int, ringing: int) -> list[Row]:
    """The figures of one run."""
    with tempfile.TemporaryDirectory() as directory, running_redis(Path(directory)) as redis:
        data = Path(directory) / "data"
        async with two(data, redis.url, ring_timeout_s=RING_S) as (doomed, other), Town(data) as town:
            scene = await set_up(town, (doomed.url, other.url), calls, ringing)
            found = await kill(scene, doomed, other)
            with redis.client() as client:
                await eventually(lambda: _buried(client), "the others have given the killed process up", 20.0)
            await bounded(pair.caller.device.settled() for pair in scene.pairs)
            found += await judge(scene)
            await scene.node.disconnect()
            for who in scene.people():
                await who.device.disconnect()
            return found


async def kill(scene: Scene, doomed: Process, other: Process) -> list[Row]:
    """Kill it while answers are on their way, and let everybody find their way."""
    during = [
        pair.callees[0].device.accept(pair.callees[0].device.rings()[0]) for pair in scene.pairs if pair.way == DURING
    ]
    answers = [asyncio.ensure_future(one) for one in during]
    await asyncio.sleep(0.02)  # some of them are done, some under way, some not begun
    killed = time.monotonic()
    await doomed.end(signal.SIGKILL)
    for task in answers:
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
    first = asyncio.ensure_future(_first_room(scene, other.url))
    await _node_moves(scene.node, other.url)
    moved = [one for one in scene.people() if one.url == doomed.url]
    answering = [asyncio.ensure_future(pair.answer()) for pair in scene.pairs if pair.way != LET_RING]
    await bounded(one.moves(other.url) for one in moved)
    reconnected = time.monotonic() - killed
    await bounded(pair.invite() for pair in scene.pairs if pair.caller in moved and not pair.caller.results())
    await asyncio.gather(*answering)
    answered = time.monotonic() - killed
    await eventually(lambda: _all_over(scene.pairs), "every caller has a result", WITHIN_S)
    for task in answers:
        task.cancel()
    return [
        told("failover.moved", "devices that had to connect again", len(moved), ""),
        told("failover.first_room", "first room made again after", await first - killed, "s"),
        told("failover.reconnected", "everybody connected again after", reconnected, "s"),
        told("failover.answered", "last answered invitation over after", answered, "s"),
        told("failover.last_result", "last result, of those let ring, after", time.monotonic() - killed, "s"),
    ]


async def judge(scene: Scene) -> list[Row]:
    """What is right and wrong in the end."""
    results = [{json.dumps(f, sort_keys=True) for f in pair.caller.results()} for pair in scene.pairs]
    repeated = [len(pair.caller.results()) - 1 for pair in scene.pairs]
    asked_again = sum(many for pair, many in zip(scene.pairs, repeated, strict=True) if pair.asked > 1)
    current = await bounded(one.device.ask("currentInvitations") for one in scene.people())
    left = sum(len(answer["payload"]["currentInvitations"]) for answer in current)
    tokens = await bounded(who.device.ask("joinRoom", payload={"room": room}) for who, room, _ in scene.talkers)
    wrong = sum(
        answer.get("payload", {}).get("token") != token
        for answer, (_, _, token) in zip(tokens, scene.talkers, strict=True)
    )
    return [
        none_of(
            "failover.results",
            "callers without exactly one result",
            sum(len(one) != 1 for one in results),
            len(results),
        ),
        told("failover.repeated.asked", "results repeated word for word, to callers who asked again", asked_again, ""),
        told("failover.repeated.others", "results repeated word for word, to others", sum(repeated) - asked_again, ""),
        none_of("failover.misled", "results that are not what was done", _misled(scene.pairs), len(results)),
        none_of(
            "failover.ringing", "devices that ring on", sum(pair.rings_left() for pair in scene.pairs), 2 * len(results)
        ),
        none_of("failover.listed", "invitations still listed", left),
        none_of("failover.calls", "calls that lost a peer or the room at the node", scene.dropped(), len(scene.calls)),
        none_of("failover.let_in", "participants not let in again as before", wrong, len(scene.talkers)),
    ]


def _misled(pairs: list[Pair]) -> int:
    """Callers who were told another end than the one that was made."""
    expected = {DURING: (None,), ACCEPT: (None,), DECLINE: (603,), LET_RING: (408,)}
    wrong = [
        (pair.way, frame.get("error"))
        for pair in pairs
        for frame in pair.caller.results()[:1]
        if frame.get("error") not in expected[pair.way]
    ]
    for (way, error), count in Counter(wrong).items():
        print(f"{count} × {way}, told {error}")  # noqa: T201
    return len(wrong)


async def _first_room(scene: Scene, url: str) -> float:
    """When the first room is made after the kill, by somebody who had not lost the connection."""
    asking = next(one.device for one in scene.people() if one.url == url)

    async def made() -> bool:
        return "payload" in await asking.ask("createRoom", payload={})

    await eventually(made, "a room is made after the kill", WITHIN_S)
    return time.monotonic()


async def _node_moves(node: InTestNode, url: str) -> None:
    await node.disconnect()
    await node.connect(url)
    assert "close" in node.registered, node.registered


async def _all_over(pairs: list[Pair]) -> bool:
    return all(pair.caller.results() for pair in pairs)


async def _buried(client: Any) -> bool:  # noqa: ANN401 - redis-py's types are too wide
    return int(client.scard("tertulia:processes")) == 1


def rows(_bench: Bench) -> Iterator[Row]:
    """What was lost, and how long everything took."""
    found = asyncio.run(measure(CALLS, RINGING))
    yield from found
    yield whole("failover", f"kill -9 of one of two processes, {CALLS} calls and {RINGING} that ring", found)


FAMILY = Family("failover", "kill -9 of one of two signaling processes", 0.8, rows)
