"""`make bench`: what a forwarded packet costs beside its floor, and what an idle peer costs.

cargo bench (sfu/core/benches, JSON lines) -> **bench** -> a table, build/bench.json

The measuring itself is Rust (`sfu/core/benches/forward.rs` says what the floor does); here the figures are judged.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
OUTPUT = ROOT / "build" / "bench.json"
MANIFEST = ROOT / "sfu" / "core" / "Cargo.toml"

FLOOR_FACTOR = 2.5
"""Bar of a forwarded packet: this many times the floor of the same run."""
PACKETS_PER_SECOND = {"video": 120, "audio": 50}
"""Of one publisher in forward.rs."""
ENOUGH = 0.95
"""Below this share of packets read or sent a figure is not to be trusted."""
IDLE_KIB = 32.0
"""Bar of the core's memory for a peer with four seats; a node of 10,000 of them then takes 320 MB for it."""
IDLE_US_PER_S = 10.0
"""Bar of the core's CPU for a peer that does nothing: 10,000 of them then take a tenth of a core."""
CHECK_US = 20.0
"""Bar of a connectivity check answered; a browser sends one in two to five seconds."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    value: float
    unit: str
    floor: float | None
    bar: float
    holds: bool


def figure(what: str, value: float, unit: str, *, bar: float, floor: float | None = None) -> Figure:
    """A figure that holds if it is not above its bar."""
    floor = None if floor is None else round(floor, 2)
    return Figure(what, round(value, 2), unit, floor, round(bar, 2), value <= bar)


def run(bench: str, *arguments: str) -> Iterator[dict[str, object]]:
    """The JSON lines of one bench program."""
    command = ["cargo", "bench", "--quiet", "--manifest-path", str(MANIFEST), "--bench", bench, "--", *arguments]
    result = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if result.returncode != 0:
        raise SystemExit(f"error: cargo bench --bench {bench} failed, see above")
    for line in result.stdout.splitlines():
        if line.startswith("{"):
            yield json.loads(line)


def number(record: object, name: str) -> float:
    """One figure of a JSON object."""
    if not isinstance(record, dict):
        raise TypeError(f"expected an object with {name}, got {record!r}")
    return float(record[name])


def forwarding(seconds: float) -> Iterator[Figure]:
    """CPU of a forwarded packet, one line a case."""
    for line in run("forward", str(seconds)):
        core, floor = line["core"], number(line["floor"], "us")
        packets = f"{number(core, 'pps'):,.0f} packets/s, {number(core, 'run'):.1f} a message"
        what = f"CPU per forwarded packet, {line['kind']}, {line['rooms']} x {line['receivers']} receivers ({packets})"
        yield figure(what, number(core, "us"), "us", floor=floor, bar=FLOOR_FACTOR * floor)
        warn(str(line["kind"]), number(line, "rooms") * number(line, "receivers"), core)


def warn(kind: str, receivers: float, core: object) -> None:
    """Say when a figure is too good: packets that nobody read, or that came late and so in longer runs, cost less."""
    expected = receivers * PACKETS_PER_SECOND[kind]
    for share, what in (
        (number(core, "read"), "of the packets were read"),
        (number(core, "pps") / expected, "of the rate was reached: the machine does other work"),
    ):
        if share < ENOUGH:
            print(f"warning: only {share:.0%} {what}", file=sys.stderr)  # noqa: T201


def idle(peers: int) -> Iterator[Figure]:
    """Memory and CPU of peers that do nothing."""
    for line in run("idle", str(peers)):
        yield figure("core memory of an idle peer, 4 seats", number(line, "bytes") / 1024, "KiB", bar=IDLE_KIB)
        yield figure("core CPU of an idle peer", number(line, "idle_us_per_s"), "us/s", bar=IDLE_US_PER_S)
        yield figure("core CPU of a connectivity check", number(line, "check_us"), "us", bar=CHECK_US)


def show(figures: list[Figure], title: str) -> None:
    """Print the table."""
    table = Table(title=title)
    for name in ("what", "value", "unit", "floor", "x floor", "bar", "holds"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for one in figures:
        floor = "" if one.floor is None else f"{one.floor:.2f}"
        factor = "" if not one.floor else f"{one.value / one.floor:.2f}"
        table.add_row(
            one.what,
            f"{one.value:.2f}",
            one.unit,
            floor,
            factor,
            f"{one.bar:.2f}" if one.bar else "",
            "yes" if one.holds else "NO",
        )
    Console(width=150).print(table)


def report(figures: list[Figure], title: str, output: Path) -> None:
    """Print the table and write it; ends the program with status 1 where a bar is missed."""
    show(figures, title)
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps([asdict(one) for one in figures], indent=1) + "\n")
    if not all(one.holds for one in figures):
        raise SystemExit(1)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement (default %(default)s)")
    parser.add_argument("--idle-peers", type=int, default=4_000, help="default %(default)s")
    options = parser.parse_args()
    figures = [*forwarding(options.seconds), *idle(options.idle_peers)]
    report(figures, "Tertulia's packet path", OUTPUT)


if __name__ == "__main__":
    main()
