"""Those who fill a room: endpoints of the load engine, each with a control link of its own.

rows/* -> **crowd** -> agents.load (endpoints, engines), node

A browser's tab takes tenths of a core, an endpoint next to nothing: it sends real pictures and a real voice, receives,
repairs and counts, and decodes nothing.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp

from agents.load.clips import load_clips
from agents.load.dtls import ClientCertificate
from agents.load.endpoint import Endpoint, Studio
from agents.load.engines import Engines
from agents.load.joining import JoinTimes
from agents.load.plan import LoadPlan
from agents.load.sockets import Negotiation, Socket
from agents.load.totals import Totals
from agents.node_client import NodeClient
from tests.quality.stage import Stage, many_connections
from tests.support.node import token
from tests.support.seeded import seeded

AT_ONCE: Final = 8
"""Joins under way."""
SEED: Final = 5


@dataclass(slots=True)
class Guest:
    """One of the crowd, who is in."""

    user: str
    endpoint: Endpoint
    node: NodeClient
    peer: str = ""
    events: list[tuple[float, str, Any]] = field(default_factory=list)
    """What the node said unasked: when (seconds of the loop's clock), what, and its data."""

    def heard(self, name: str, data: object) -> None:
        """One more."""
        self.events.append((time.monotonic(), name, data))

    async def leave(self) -> None:
        """Out of the room."""
        self.endpoint.close()
        await self.node.close()


class Crowd:
    """Owns its guests and their engines; `crowd` closes them."""

    def __init__(self, stage: Stage, studio: Studio, http: aiohttp.ClientSession) -> None:
        # Given to us.
        self._stage = stage
        self._studio = studio
        self._connecting = functools.partial(Socket, http, Negotiation())
        # Ours.
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._numbers = itertools.count(1)
        self.guests: list[Guest] = []

    async def join(self, room: str, *, sends: bool, seats: int) -> Guest:
        """One more, whose media is connected."""
        user = f"guest{next(self._numbers)}"
        async with self._gate:
            await self._stage.deployment.grant(room, user)
            return await self._enter(room, user, sends=sends, seats=seats)

    async def _enter(self, room: str, user: str, *, sends: bool, seats: int) -> Guest:
        def heard(name: str, data: object) -> None:
            guest.heard(name, data)

        node = NodeClient(
            self._stage.websocket, room=room, token=token(user), on_event=heard, connecting=self._connecting
        )
        endpoint = Endpoint(self._studio, sends=sends, seats=seats, times=JoinTimes(time.monotonic()))
        guest = Guest(user, endpoint, node)
        self.guests.append(guest)
        await node.connect()
        answer = await node.join(endpoint.offer())
        guest.peer = str(node.peer)
        await endpoint.connect(answer.sdp, "127.0.0.1")
        return guest

    def reset(self) -> None:
        """Counts begin anew."""
        self._studio.engines.reset()

    def totals(self) -> Totals:
        """What all of them have counted."""
        return self._studio.engines.totals()

    async def close(self) -> None:
        """Everybody leaves."""
        await asyncio.gather(*(guest.leave() for guest in self.guests))
        self._studio.engines.close()


@asynccontextmanager
async def crowd(
    stage: Stage, *, kbps: int = 500, video: bool = True, simulcast: bool = True, say: Callable[[str], None]
) -> AsyncIterator[Crowd]:
    """Nobody yet."""
    plan = LoadPlan(url="http://127.0.0.1", kbps=kbps, video=video, simulcast=simulcast and video)
    say("encoding the crowd's clips, unless they are kept from before")
    clips = await asyncio.to_thread(
        load_clips, None, audio=True, video=plan.video, kbps=plan.kbps, simulcast=plan.simulcast
    )
    engines = Engines(clips, threads=1, seed=SEED, check_every=16, cpus=())
    studio = Studio(plan=plan, engines=engines, certificate=ClientCertificate(), random=seeded(SEED))
    async with many_connections() as http:
        people = Crowd(stage, studio, http)
        try:
            yield people
        finally:
            await people.close()
