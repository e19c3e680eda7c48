"""loss3, loss10: a call over links that lose packets, beside a direct call over the same two links.

stage, window -> **loss** -> row

Publisher and receiver are each behind such a link.  Through the node either loss is repaired where it happened; the
direct call meets both at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.row import Row, at_least, at_most, told, unmeasured, whole
from tests.quality.beside import beside
from tests.quality.stage import START_S, Client, on_stage
from tests.quality.window import Window, watched
from tests.support.network.profiles import LOSS_3, LOSS_10, Profile

SETTLE_S = 8.0
"""Rates find their level, before a figure is taken."""
MOST_PAUSE_MS = 300.0
MOST_CONCEALMENT = 5.0
BESIDE = 0.99
"""Of what the direct call shows; nearer than that two windows of one call are not."""


async def both(bench: Bench, profile: Profile) -> tuple[Window, Window | None, str]:
    """A call through the node and a direct one, and both in words."""
    ours = await _through_node(bench, profile)
    theirs, how = await beside(_direct(bench, profile))
    return ours, theirs, f"{ours}; {how}"


async def _through_node(bench: Bench, profile: Profile) -> Window:
    async with on_stage(bench) as stage:
        room = await stage.room()
        publisher = await stage.publisher(room, stage.relay(profile))
        receiver = await stage.receiver(room, stage.relay(profile))
        return await _settled(publisher, receiver, bench.effort.seconds)


async def _direct(bench: Bench, profile: Profile) -> Window:
    async with on_stage(bench) as stage:
        with stage.crossed(profile, profile) as sides:
            return await _settled(*await stage.direct(sides), bench.effort.seconds)


async def _settled(publisher: Client, receiver: Client, seconds: float) -> Window:
    await receiver.shows(1, START_S)
    await asyncio.sleep(SETTLE_S)
    return await watched(publisher, receiver, seconds)


def _parts(name: str, link: str, bar: float, ours: Window, peer: Window | None, how: str) -> Iterator[Row]:
    share = peer.share_shown if peer else None
    yield at_least(f"{name}.shown", f"pictures shown, {link}", ours.share_shown, "%", bar=bar, peer=share, how=how)
    lines = told(f"{name}.lines", f"lines of the picture, {link}", ours.shown.lines, "")
    yield replace(lines, peer=peer.shown.lines if peer else None)


def little(bench: Bench) -> Iterator[Row]:
    """Of 3 %."""
    ours, peer, how = asyncio.run(both(bench, LOSS_3))
    link = "3 % loss each way, RTT 50 ms, both clients"
    pause = at_most(
        "loss3.pause",
        f"longest pause between pictures, {link}",
        ours.longest_pause_ms,
        "ms",
        bar=MOST_PAUSE_MS,
        peer=peer.longest_pause_ms if peer else None,
    )
    yield from _with_whole("loss3", [*_parts("loss3", link, 98.0, ours, peer, how), pause, _beside(ours, peer)])


def _beside(ours: Window, peer: Window | None) -> Row:
    what, about = "loss3.beside", "pictures shown for each of the direct call"
    if peer is None or peer.share_shown == 0:
        return unmeasured(what, about, "there is no direct call to hold it against")
    return at_least(what, about, ours.share_shown / peer.share_shown, "", bar=BESIDE)


def much(bench: Bench) -> Iterator[Row]:
    """Of 10 %."""
    ours, peer, how = asyncio.run(both(bench, LOSS_10))
    link = "10 % loss each way, RTT 100 ms, both clients"
    sound = at_most(
        "loss10.sound",
        f"sound that was made up, {link}",
        ours.concealment,
        "%",
        bar=MOST_CONCEALMENT,
        peer=peer.concealment if peer else None,
    )
    pause = told("loss10.pause", f"longest pause between pictures, {link}", ours.longest_pause_ms, "ms")
    pause = replace(pause, peer=peer.longest_pause_ms if peer else None)
    yield from _with_whole("loss10", [*_parts("loss10", link, 90.0, ours, peer, how), pause, sound])


def _with_whole(name: str, parts: Sequence[Row]) -> Iterator[Row]:
    yield from parts
    yield whole(name, "a call over links that lose packets", parts)


LITTLE = Family("loss3", "3 % loss each way, 50 ms RTT, beside a direct call", 2.0, little)
MUCH = Family("loss10", "10 % loss each way, 100 ms RTT, beside a direct call", 2.0, much)
