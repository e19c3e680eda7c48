"""A load, brought to a server by `tertulia load`, and what it reports.

rows/* -> targets -> **load** -> `tertulia load --json`
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.bench.effort import ROOT, Bench, Effort, Unmeasured, median
from tests.bench.run_length import RunLengths
from tests.bench.stolen import MUCH, Stolen, told
from tests.bench.targets import Target

MOST_LOST = 0.001
"""A figure of a server that loses more than this says nothing."""
MOST_STILL = 0.005
"""Nor one of a server that sheds load: share of the time for which pictures stand still."""
RAMP = 200.0
"""Joins a second that are tried; where a core takes fewer, the tester has so many under way and waits."""
WARM_UP_S = 8.0
"""What a core fell behind by while everybody joined is caught up with, and layers that nobody takes have stopped."""
PROBE_S = 4.0
LOOK_S = 0.5
"""Between two looks at the node's counters."""
JOINS_S = 300.0
"""A server that takes longer for all joins of a load is given up on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What everybody does."""

    rooms: int = 1
    publishers: int = 1
    receivers: int | None = None
    """Who only receive, beside publishers who only send; None: publishers are participants who do both."""
    kbps: int = 1_000
    audio: bool = False
    video: bool = True
    seats: int | None = None
    ramp: float = RAMP
    get_in: float = 1.0
    """Share of them who have to get in for the load to count."""
    still: float = MOST_STILL
    """Share of the time for which pictures may stand still."""

    @property
    def in_room(self) -> int:
        """Participants of each room."""
        return self.publishers + (self.receivers or 0)

    @property
    def participants(self) -> int:
        """Of all rooms."""
        return self.rooms * self.in_room

    def flags(self) -> list[str]:
        """As `tertulia load` takes it."""
        flags = ["--rooms", str(self.rooms), "--ramp", f"{self.ramp:g}"]
        if self.receivers is None:
            flags += ["--participants", str(self.publishers)]
        else:
            flags += ["--publishers", str(self.publishers), "--receivers", str(self.receivers)]
        flags += ["--kbps", str(self.kbps)] if self.video else ["--audio-only"]
        flags += [] if self.audio or not self.video else ["--video-only"]
        return flags + (["--seats", str(self.seats)] if self.seats is not None else [])


@dataclass(frozen=True, slots=True)
class Run:
    """One measured part, as the report tells it."""

    report: dict[str, Any]

    @property
    def us(self) -> float:
        """CPU of the server for a packet that it sent."""
        return self._figure("server", "us_per_packet")

    @property
    def busy(self) -> float:
        """Share of its core that the server took."""
        return self._figure("server", "cpu_share")

    @property
    def packets_per_s(self) -> float:
        """Received by all."""
        return self._figure("received", "packets_per_s")

    @property
    def octets(self) -> float:
        """Of a received packet."""
        return self._figure("received", "octets") / max(1.0, self._figure("received", "packets"))

    @property
    def loss(self) -> float:
        """Share of the packets that did not come."""
        return self._figure("received", "loss")

    @property
    def p50(self) -> float:
        """Delay in milliseconds."""
        return self._figure("delay_ms", "p50")

    @property
    def p99(self) -> float:
        """Delay in milliseconds."""
        return self._figure("delay_ms", "p99")

    @property
    def frame_p50(self) -> float:
        """Delay of frames, by their last packets, in milliseconds."""
        return self._figure("frame_delay_ms", "p50")

    @property
    def frame_p99(self) -> float:
        """The same."""
        return self._figure("frame_delay_ms", "p99")

    @property
    def still(self) -> float:
        """Share of the time for which pictures stood still that should not have."""
        return self._figure("freezes", "share")

    @property
    def tester_busy(self) -> float:
        """Share of its core that the tester took."""
        return self._figure("tester", "cpu_share")

    @property
    def bottleneck(self) -> str:
        """Why the figures are the tester's rather than the server's; empty if they aren't."""
        tester = self.report.get("tester", {})
        return "; ".join(map(str, tester.get("why", ()))) if tester.get("bottleneck") else ""

    def _figure(self, *path: str) -> float:
        value: Any = self.report
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, int | float):
            raise Unmeasured(f"the load tester reports no {'.'.join(path)}")
        return float(value)


@dataclass(frozen=True, slots=True)
class Measured:
    """All measured parts of one load."""

    shape: Shape
    report: dict[str, Any]
    runs: tuple[Run, ...]
    run_length: float = 1.0
    """Packets a message that the node sent; 1 where it isn't known."""
    stolen: float = 0.0
    """Share of the cores that the machine's host gave to others meanwhile."""
    limit: str = ""
    """Why it isn't a larger load; empty where the server's core was full."""

    def median(self, figure: Callable[[Run], float]) -> float:
        """Of all parts."""
        return median(figure(run) for run in self.runs)

    @property
    def held(self) -> bool:
        """Whether hardly anything was lost, everybody was there, and it was the server that was measured."""
        return not self.trouble

    @property
    def complete(self) -> bool:
        """Whether everybody could join, or as many as have to."""
        return self.joined >= self.shape.get_in * self.shape.participants

    @property
    def joined(self) -> int:
        """How many could."""
        return int(self.report.get("joins", {}).get("done", 0))

    @property
    def trouble(self) -> str:
        """Why it does not hold; empty if it does."""
        if not self.complete:
            joins = self.report.get("joins", {})
            errors = "; ".join(list(joins.get("errors", {}))[:1])
            return f"{self.joined} of {self.shape.participants} could join: {errors or 'no error told'}"
        if (loss := self.median(lambda run: run.loss)) > MOST_LOST:
            return f"{loss:.2%} lost"
        if (still := self.median(lambda run: run.still)) > self.shape.still:
            return f"pictures stood still for {still:.1%} of the time"
        return f"the tester was the bottleneck: {self.bottleneck}" if self.bottleneck else ""

    @property
    def bottleneck(self) -> str:
        """Why the tester could not do more, in most of the parts; empty if it could."""
        told = [run.bottleneck for run in self.runs if run.bottleneck]
        return told[0] if 2 * len(told) > len(self.runs) else ""

    def __str__(self) -> str:
        shape = self.shape
        busy, pps, loss = (self.median(f) for f in (lambda r: r.busy, lambda r: r.packets_per_s, lambda r: r.loss))
        some = "" if self.joined >= shape.participants else f" ({self.joined} got in)"
        rooms = f"{shape.rooms} rooms of {shape.in_room}{some}: {pps:,.0f} packets/s"
        server = f"server {busy:.0%} busy, {loss:.2%} lost"
        return f"{rooms}, {server}, tester {self.median(lambda r: r.tester_busy):.0%} busy{told(self.stolen)}"


def measure(bench: Bench, target: Target, shape: Shape, effort: Effort, *more: str, pid: int | None = None) -> Measured:
    """Everybody joins, and every part is measured on the same connections; raises Unmeasured if that cannot be done."""
    file = bench.directory / "load.json"
    file.unlink(missing_ok=True)
    flags = [*target.flags, *shape.flags(), *more, "--server-pid", str(pid or target.pid)]
    flags += ["--runs", str(effort.runs), "--duration", f"{effort.seconds:g}", "--warm-up", f"{WARM_UP_S:g}"]
    flags += ["--pin-tester", str(bench.cores.tester), "--json", str(file)]
    stolen = Stolen()
    run_length = _tester(flags, target, JOINS_S + WARM_UP_S + effort.runs * effort.seconds)
    try:
        report = json.loads(file.read_text())
    except (OSError, ValueError):
        raise Unmeasured("tertulia load wrote no report, see above") from None
    runs = tuple(Run(one) for one in report.get("runs") or [report])
    measured = Measured(shape, report, runs, run_length, stolen.share())
    bench.say("; ".join(filter(None, (str(measured), measured.trouble))))
    return measured


def probe(bench: Bench, target: Target, shape: Shape) -> Measured:
    """A short look at how a load goes; a second one if it did not hold while the host was busy with others."""
    brief = replace(bench.effort, runs=1, seconds=min(PROBE_S, bench.effort.seconds))
    looked = measure(bench, target, shape, brief)
    return looked if looked.held or looked.stolen < MUCH else measure(bench, target, shape, brief)


def _tester(flags: Sequence[str], target: Target, within_s: float) -> float:
    """Run it to its end; the run length of a node that it loads."""
    command = [sys.executable, "-m", "tertulia", "load", *flags]
    lengths, end = RunLengths(), time.monotonic() + within_s
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL) as tester:  # noqa: S603
        try:
            while tester.poll() is None and time.monotonic() < end:
                if target.counters is not None:
                    lengths.note(target.counters())
                time.sleep(LOOK_S)
        finally:
            tester.terminate()
    if time.monotonic() >= end:
        raise Unmeasured(f"tertulia load did not end within {within_s:.0f} s")
    # 1 is a condition that does not hold, of which there are none.
    if tester.returncode not in (0, 1):
        raise Unmeasured(f"tertulia load ended with status {tester.returncode}, see above")
    return lengths.at_full_load
