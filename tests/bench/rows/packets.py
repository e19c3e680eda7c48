"""packets: the core's worker alone beside the floor, for single cases; and what a peer takes that does nothing.

cargo bench forward, cargo bench idle -> **packets** -> row

Everything is in one process, and receivers read datagram by datagram, as browsers do: what `fanout_cpu` is for a whole
node and the load tester's sockets.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.cargo import Record, numbers, run
from tests.bench.effort import Bench
from tests.bench.family import Family
from tests.bench.row import Row, at_most, whole

SECONDS = 5.0
IDLE_PEERS = 4_000
FLOOR_FACTOR = 2.5
"""Bar of a forwarded packet: this many times the floor of the same run."""
PACKETS_PER_SECOND = {"video": 120, "audio": 50}
"""Of one publisher in forward.rs."""
ENOUGH = 0.95
"""Below this share of packets read or sent a figure is too good."""
IDLE_KIB = 32.0
"""Bar of the core's memory for a peer with four seats; a node of 10,000 of them then takes 320 MB for it."""
IDLE_US_PER_S = 10.0
"""Bar of the core's CPU for a peer that does nothing: 10,000 of them then take a tenth of a core."""
CHECK_US = 20.0
"""Bar of a connectivity check answered; a browser sends one in two to five seconds."""


def forwarding(bench: Bench) -> Iterator[Row]:
    """CPU of a forwarded packet, a case each."""
    parts = [_case(record) for record in run("forward", str(bench.effort.longest(SECONDS)))]
    yield from parts
    yield whole("packets", "CPU of a forwarded packet in the core alone", parts)


def _case(record: Record) -> Row:
    core, (least,) = record["core"], numbers(record["floor"], "us")
    us, pps, run_length = numbers(core, "us", "pps", "run")
    kind, rooms, receivers = record["kind"], record["rooms"], record["receivers"]
    return at_most(
        f"packets.{kind}.{rooms}x{receivers}",
        f"CPU of a forwarded packet, core alone, {kind}, {rooms} rooms of {receivers}",
        us,
        "us",
        bar=FLOOR_FACTOR * least,
        floor=least,
        how="; ".join([f"{pps:,.0f} packets/s, {run_length:.1f} a message", *_too_good(record)]),
    )


def _too_good(record: Record) -> Iterator[str]:
    """Packets that nobody read, or that came late and so in longer runs, cost less."""
    read, pps = numbers(record["core"], "read", "pps")
    receivers, rooms = numbers(record, "receivers", "rooms")
    expected = receivers * rooms * PACKETS_PER_SECOND[record["kind"]]
    if read < ENOUGH:
        yield f"only {read:.0%} of the packets were read"
    if pps / expected < ENOUGH:
        yield f"only {pps / expected:.0%} of the rate was reached: the machine did other work"


def idle(bench: Bench) -> Iterator[Row]:
    """Memory and CPU of peers that do nothing."""
    for record in run("idle", str(IDLE_PEERS // 4 if bench.effort.quick else IDLE_PEERS)):
        octets, us_per_s, check = numbers(record, "bytes", "idle_us_per_s", "check_us")
        how = f"{record['peers']:,} peers with 4 seats, core alone, once"
        parts = [
            at_most("idle_peer.memory", "core memory of an idle peer", octets / 1024, "KiB", bar=IDLE_KIB, how=how),
            at_most("idle_peer.cpu", "core CPU of an idle peer", us_per_s, "us/s", bar=IDLE_US_PER_S, how=how),
            at_most("idle_peer.check", "core CPU of a connectivity check", check, "us", bar=CHECK_US, how=how),
        ]
        yield from parts
        yield whole("idle_peer", "what a peer takes that does nothing", parts)


FORWARDING = Family("packets", "a forwarded packet in the core alone, beside its floor", 1.5, forwarding)
IDLE = Family("idle_peer", "a peer that does nothing", 0.5, idle)
