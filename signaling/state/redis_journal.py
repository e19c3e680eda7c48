"""Entries on their way into the call history: a stream that every process reads its share of."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from redis.exceptions import ResponseError

from ..qss.history import Entry
from . import codec
from .deliveries import ProcessId, ToHistory
from .redis_client import BLOCK_S, PREFIX, Client

STREAM = f"{PREFIX}history"
GROUP = "writers"
AT_ONCE = 100
ABANDONED_MS = 60_000  # an entry that another process has taken and not written for so long is ours to write


class RedisJournal:
    """The consumer group `writers`; an entry is gone once it is written."""

    def __init__(self, client: Client, process: ProcessId) -> None:
        self._client = client
        self._process = process

    async def take(self) -> dict[str, Entry]:
        """Wait for entries: those we have not written, those that nobody did, and new ones."""
        while not (found := await self._found(int(BLOCK_S * 1000))):
            pass
        return found

    async def left(self) -> dict[str, Entry]:
        """The entries that are there."""
        return await self._found(None)

    async def done(self, written: Sequence[str]) -> None:
        """These are written."""
        await self._client.do("XACK", STREAM, GROUP, *written)
        await self._client.do("XDEL", STREAM, *written)

    async def _found(self, block_ms: int | None) -> dict[str, Entry]:
        try:
            return await self._ours() or await self._abandoned() or await self._new(block_ms)
        except ResponseError:  # no such stream or group: nothing was ever written, or Redis was emptied
            await self._make()
            return {}

    async def _ours(self) -> dict[str, Entry]:
        command = ("XREADGROUP", "GROUP", GROUP, self._process, "COUNT", AT_ONCE, "STREAMS", STREAM, "0")
        return _entries(await self._client.do(*command))

    async def _abandoned(self) -> dict[str, Entry]:
        command = ("XAUTOCLAIM", STREAM, GROUP, self._process, ABANDONED_MS, "0-0", "COUNT", AT_ONCE)
        claimed = await self._client.do(*command)
        return _entries([(STREAM, claimed[1])])

    async def _new(self, block_ms: int | None) -> dict[str, Entry]:
        wait = () if block_ms is None else ("BLOCK", block_ms)
        command = ("XREADGROUP", "GROUP", GROUP, self._process, "COUNT", AT_ONCE, *wait)
        return _entries(await self._client.read(*command, "STREAMS", STREAM, ">"))

    async def _make(self) -> None:
        with suppress(ResponseError):  # somebody else was faster
            await self._client.do("XGROUP", "CREATE", STREAM, GROUP, "0", "MKSTREAM")


def _entries(reply: Any) -> dict[str, Entry]:  # noqa: ANN401 - as Redis gives it
    found: dict[str, Entry] = {}
    for _stream, entries in reply or ():
        for name, fields in entries:
            delivery = codec.delivery_of(fields[b"d"]) if fields else None
            if isinstance(delivery, ToHistory):
                found[name.decode()] = delivery.entry
    return found
