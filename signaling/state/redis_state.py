"""The backend of several signaling processes: the short-lived state in one Redis (docs/decisions/signaling-redis.md).

Whatever has to be one step is one script (`lua/`).  A process's inbox is a stream: what was decided stays there until
the process has carried it out, so neither a lost connection to Redis nor a killed process loses it.  Deadlines of
rooms, nodes and processes are one sorted set, of which any process takes what is due.
"""

from __future__ import annotations

import secrets
import time
from typing import Any

from ..errors import StateAway
from ..qss.identifiers import RoomId
from . import Due, codec
from .clock import SteadyClock
from .deliveries import AskId, Delivery, ProcessId, Reply, Result
from .redis_client import BLOCK_S, KEEP_S, PREFIX, Client
from .redis_devices import RedisAnswers, RedisDevices
from .redis_expiry import Expiry
from .redis_journal import RedisJournal
from .redis_nodes import RedisDirectory
from .redis_rooms import RedisRooms

AT_ONCE = 500  # deliveries taken at once
LIFE_S = 5.0  # a process that has not moved its deadline for so long is given up; it does so every second
LEASE_S = 5.0  # how long who has taken what is due may take over it
PATIENCE_S = 0.5  # what is due is left to the timers of whoever armed them for so long
DUE_AT_ONCE = 200
BEGINNING = "0-0"


class RedisState:
    """All short-lived state, as one process sees it."""

    def __init__(self, url: str, password: str = "", keep_s: int = KEEP_S) -> None:
        self.process = ProcessId(secrets.token_hex(8))
        self._clock = SteadyClock()
        self.now = self._clock.now
        self._url = url
        self._client = Client(url, password, keep_s)
        self.rooms = RedisRooms(self._client, self.process, self.now)
        self.devices = RedisDevices(self._client)
        self.answers = RedisAnswers(self._client, self.process)
        self.nodes = RedisDirectory(self._client, self.process, self.now)
        self.journal = RedisJournal(self._client, self.process)
        self._expiry = Expiry(self._client, self.process)
        self._inbox = f"{PREFIX}inbox:{self.process}"
        self._taken = BEGINNING
        self._carried_out = BEGINNING
        self._finishing = False

    async def start(self) -> None:
        """Join; raises StartError when Redis cannot be reached."""
        await self._client.check(_without_password(self._url))
        await self._beat(join=True)

    async def post(self, *deliveries: Delivery) -> None:
        """Put deliveries into the inboxes they belong to."""
        mail = [codec.addressed(delivery, self.process) for delivery in deliveries]
        if mail:
            await self._client.run("post", mail, self.now())

    async def take(self) -> tuple[Delivery, ...]:
        """Wait for deliveries to this process."""
        while True:
            try:
                taken = await self._read()
            except StateAway:
                if self._finishing:
                    return ()
                raise
            if taken or self._finishing:
                return taken

    async def hold(self, result: Result) -> None:
        """Send a result after its device, or let it wait for it."""
        device = result.device
        payload = codec.text(codec.encode(result))
        await self._client.run("post", [("held", device.user, device.device, payload)], self.now())

    async def room_for_more(self) -> None:
        """Inboxes are bounded in Redis."""

    async def beat(self) -> bool:
        """Say that this process lives; False if the others have given it up, or the state was lost."""
        known = await self._beat(join=False)
        if known:
            await self._expiry.go_on()
        return known

    async def join(self) -> None:
        """Begin anew, with an empty inbox."""
        self._taken = self._carried_out = BEGINNING
        await self._beat(join=True)

    async def due(self) -> Due:
        """What is due and nobody else sees to, for a while."""
        now = self.now() - PATIENCE_S
        found = [name.decode().split(":", 1) for name in await self._client.run("due", now, LEASE_S, DUE_AT_ONCE)]
        return Due(
            rooms=tuple(RoomId(name) for kind, name in found if kind == "room"),
            nodes=tuple(name for kind, name in found if kind == "node"),
            processes=tuple(ProcessId(name) for kind, name in found if kind == "process" and name != self.process),
        )

    async def unanswered(self, process: ProcessId) -> tuple[Result, ...]:
        """The requests that a process has begun and not answered."""
        found = [codec.delivery_of(data) for data in await self._client.do("HVALS", f"{PREFIX}open:{process}")]
        return tuple(result for result in found if isinstance(result, Result))

    async def bury(self, process: ProcessId) -> None:
        """Pass on the results that a process has left, and forget it."""
        while await self._client.run("bury", process, self.process):
            pass

    async def finish(self) -> None:
        """Nothing comes after what has been posted."""
        self._finishing = True
        try:
            await self.post(Reply(self.process, AskId("")))  # wakes whoever waits in `take`
        except StateAway:
            return

    async def close(self) -> None:
        """Leave: the others need not wait to see to what is left."""
        try:
            await self._client.do("ZADD", f"{PREFIX}deadlines", "XX", 0, f"process:{self.process}")
        except StateAway:
            pass
        finally:
            await self._client.close()

    async def _beat(self, *, join: bool) -> bool:
        asked = time.monotonic()
        known, seconds, microseconds = await self._client.run("beat", self.process, LIFE_S, join)
        at = (asked + time.monotonic()) / 2
        self._clock.follow(int(seconds) + int(microseconds) / 1e6, at)
        return bool(known)

    async def _read(self) -> tuple[Delivery, ...]:
        if self._taken != self._carried_out:
            await self._client.do("XTRIM", self._inbox, "MINID", _after(self._taken))
            self._carried_out = self._taken
        wait = () if self._finishing else ("BLOCK", int(BLOCK_S * 1000))
        reply = await self._client.read("XREAD", "COUNT", AT_ONCE, *wait, "STREAMS", self._inbox, self._taken)
        entries: list[Any] = reply[0][1] if reply else []
        if entries:
            self._taken = entries[-1][0].decode()
        return tuple(codec.delivery_of(fields[b"d"]) for _, fields in entries)


def _after(entry: str) -> str:
    """The id that follows the id of a stream's entry."""
    milliseconds, number = entry.split("-")
    return f"{milliseconds}-{int(number) + 1}"


def _without_password(url: str) -> str:
    """What may be shown of a URL."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
