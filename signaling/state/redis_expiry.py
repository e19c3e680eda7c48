"""Why what is in use does not expire: each beat of a process moves the expiry of a share of it.

caretaker -> state.beat -> **expiry** -> Redis

Whatever is in Redis expires, so that nobody has to clean up after processes that vanished, all of them at once as well.
What is small is kept by every beat (`lua/beat.lua`).  Of what is many a beat takes the next few: a process the users of
its own devices, and any process any rooms, for a room belongs to nobody.  Twice does no harm.
"""

from __future__ import annotations

from . import codec
from .deliveries import ProcessId
from .keys import keys_of
from .redis_client import PREFIX, Client

DEVICES_AT_ONCE = 200  # a beat, once a second: millions until they expire
ROOMS_AT_ONCE = 50  # the same; they are decoded here, for what they are found by
BEGINNING = "0"  # of a round, as SCAN has it: the next follows the last


class Expiry:
    """Where this process's rounds have come to."""

    def __init__(self, client: Client, process: ProcessId) -> None:
        # Given to us.
        self._client = client
        self._process = process
        # Ours.
        self._devices_from = BEGINNING
        self._rooms_from = BEGINNING

    async def go_on(self) -> None:
        """Move the expiry of the next share."""
        await self._next_devices()
        await self._next_rooms()

    async def _next_devices(self) -> None:
        found = await self._client.run("freshen_devices", self._process, self._devices_from, DEVICES_AT_ONCE)
        self._devices_from = found.decode()

    async def _next_rooms(self) -> None:
        found = await self._client.do("SSCAN", f"{PREFIX}rooms", self._rooms_from, "COUNT", ROOMS_AT_ONCE)
        self._rooms_from = str(found[0])
        if found[1]:
            await self._freshen([room.decode() for room in found[1]])

    async def _freshen(self, rooms: list[str]) -> None:
        records = await self._client.do("MGET", *(f"{PREFIX}room:{room}" for room in rooms))
        here = {room: codec.room_of(record) for room, record in zip(rooms, records, strict=True) if record}
        names = {codec.key_name(key) for room in here.values() for key in keys_of(room)}
        gone = [room for room in rooms if room not in here]
        await self._client.run("freshen_rooms", list(here), sorted(names), gone)
