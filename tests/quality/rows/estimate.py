"""estimate: what the node takes a receiver's link for, beside what it is; and what finding out costs in delay.

stage, crowd -> **estimate** -> row

Two endpoints of the load engine send layers of up to 2.5 Mbit/s each, so that there is something to fill the link with;
one browser receives both.  The queue is that of the relay, where datagrams wait for the link alone.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator

from sfu._core import Core, PeerStats
from tests.bench.effort import Bench, Unmeasured
from tests.bench.family import Family
from tests.bench.row import Row, at_least, at_most, whole
from tests.quality.crowd import crowd
from tests.quality.idle import Idle
from tests.quality.stage import START_S, on_stage
from tests.support.network.impairment import Impairment, steady
from tests.support.network.profiles import both_ways

TOLD = "estimate_kbps"
"""Of `PeerStats`: what the receiver's link is taken for."""
RATES_KBPS = (500, 1_000, 3_000)
SENDERS, SENDER_KBPS = 2, 2_500
WITHIN_S = 5.0
"""From the first picture; then the figure is taken."""
LOOK_S = 0.1
LEAST, MOST = 85.0, 100.0
MOST_QUEUE_MS = 50.0


async def measure(bench: Bench, kbps: int) -> list[Row]:
    """At one rate."""
    if not hasattr(PeerStats, TOLD):
        raise Unmeasured("the node tells no estimate of a receiver's link")
    link = both_ways("steady", Impairment(delay_ms=20, rate=steady(kbps), queue_ms=500), "The bar of this name.")
    async with on_stage(bench) as stage, crowd(stage, kbps=SENDER_KBPS, say=bench.say) as people:
        room, relay = await stage.room(), stage.relay(link)
        for _ in range(SENDERS):
            await people.join(room, sends=True, seats=0)
        client = await stage.client(relay)
        await client.join(stage, room, await stage.admitted(room), encodings=None, seats=SENDERS)
        handle = _receiver(stage.core)
        await client.shows(1, START_S)
        await asyncio.sleep(WITHIN_S)
        idle = Idle()
        before = relay.access.down.passed.copy()
        estimates = await _looks(stage.core, handle, bench.effort.seconds)
        passed = relay.access.down.passed.since(before)
    share = 100 * statistics.median(estimates) / kbps
    used = passed.octets * 8 / bench.effort.seconds / 10 / kbps
    name, about = f"estimate.{kbps}", f"estimate of a link of {kbps} kbit/s, {WITHIN_S:g} s after the first picture"
    looks = f"median of {len(estimates)} looks, {min(estimates):.0f} to {max(estimates):.0f} kbit/s"
    how = f"{looks}; {used:.0f} % used; {idle}"
    return [
        at_least(f"{name}.least", about, share, "%", bar=LEAST, how=how),
        at_most(f"{name}.most", f"{about}, not above", share, "%", bar=MOST),
        at_most(
            f"{name}.queue", f"mean wait in its queue, {kbps} kbit/s", passed.mean_wait_ms, "ms", bar=MOST_QUEUE_MS
        ),
    ]


async def _looks(core: Core, handle: int, seconds: float) -> list[float]:
    looks = []
    for _ in range(round(seconds / LOOK_S)):
        await asyncio.sleep(LOOK_S)
        looks.append(await _estimate(core, handle))
    return looks


async def _estimate(core: Core, handle: int) -> float:
    """kbit/s; Unmeasured while the node has none."""
    for peer in await asyncio.to_thread(core.stats):
        if peer.peer == handle:
            found = getattr(peer, TOLD)
            if found is None:
                raise Unmeasured("the node has no estimate of this receiver's link: it gets no feedback")
            return float(found)
    raise Unmeasured("the receiver is gone")


def _receiver(core: Core) -> int:
    """The one that has senders."""
    return next(peer.peer for peer in core.stats() if peer.senders)


def rows(bench: Bench) -> Iterator[Row]:
    """All parts, and whether they hold."""
    parts: list[Row] = []
    for kbps in RATES_KBPS:
        made = asyncio.run(measure(bench, kbps))
        yield from made
        parts += made
    yield whole("estimate", "what a link is taken for, and the delay that costs", parts)


FAMILY = Family("estimate", "the node's estimate of a steady link", 2.5, rows)
