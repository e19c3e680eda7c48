"""A stretch of a call, as its receiver saw and heard it beside what its publisher sent.

stage (two clients) -> **window** -> rows/*
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from tests.quality.counted import Counted
from tests.quality.idle import Idle
from tests.quality.seen import Shown
from tests.quality.stage import Client, wall_ms


@dataclass(frozen=True, slots=True)
class Window:
    """One stretch."""

    begin_ms: float
    end_ms: float
    sent: Counted
    """By the publisher."""
    got: Counted
    """By the receiver."""
    shown: Shown
    idle: Idle
    """Of the machine meanwhile."""

    @property
    def share_shown(self) -> float:
        """Pictures shown of those sent, in per cent: at most 100, since those on the way at both ends cancel out."""
        return min(100.0, 100 * len(self.shown.frames) / self.sent.most_sent) if self.sent.most_sent else 0.0

    @property
    def longest_pause_ms(self) -> float:
        """Between two pictures."""
        return self.shown.longest_pause_ms(self.begin_ms, self.end_ms)

    @property
    def per_s(self) -> float:
        """Pictures a second."""
        return self.shown.per_s(self.begin_ms, self.end_ms)

    @property
    def concealment(self) -> float:
        """Sound that was made up, in per cent."""
        return 100 * self.got.heard.concealment

    def __str__(self) -> str:
        seconds = (self.end_ms - self.begin_ms) / 1_000
        decoded = f"{self.got.received.decoded} decoded"
        pictures = f"{len(self.shown.frames)} of {self.sent.most_sent} pictures in {seconds:.0f} s ({decoded})"
        asked = f"{self.got.received.nacks} NACKs, {self.got.received.requests} keyframe requests"
        return f"{pictures} at {self.shown.lines:g} lines, {self.got.kbps:.0f} kbit/s, {asked}, {self.idle}"


class Watching:
    """A window that is open: from the moment that `since` gives until `closed`."""

    def __init__(self, publisher: Client, receiver: Client, begin_ms: float, sent: Counted, got: Counted) -> None:
        self._publisher = publisher
        self._receiver = receiver
        self.begin_ms = begin_ms
        self._sent = sent
        self._got = got
        self._idle = Idle()

    @classmethod
    async def since(cls, publisher: Client, receiver: Client) -> Watching:
        """From now on."""
        sent, got = await asyncio.gather(publisher.counted(), receiver.counted())
        return cls(publisher, receiver, wall_ms(), sent, got)

    async def closed(self) -> Window:
        """Until now."""
        sent, got = await asyncio.gather(self._publisher.counted(), self._receiver.counted())
        end = wall_ms()
        shown = (await self._receiver.shown(self.begin_ms)).within(self.begin_ms, end)
        return Window(self.begin_ms, end, sent.since(self._sent), got.since(self._got), shown, self._idle.ended())


async def watched(publisher: Client, receiver: Client, seconds: float) -> Window:
    """So many seconds from now."""
    watching = await Watching.since(publisher, receiver)
    await asyncio.sleep(seconds)
    return await watching.closed()
