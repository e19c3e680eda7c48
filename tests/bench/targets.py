"""Servers to be measured by the load tester, each on a core of its own.

rows/* -> **targets** -> load, system (ours), tests.load.janus, tests.load.relay
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.bench.effort import Bench
from tests.bench.programs import Program, program

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Target:
    """A server that runs."""

    name: str
    flags: tuple[str, ...]
    """Where `tertulia load` finds it."""
    pid: int
    """Whose CPU and memory a packet costs."""
    tree: int
    """Whose CPU, children included, a join costs."""
    counters: Callable[[], dict[str, int]] | None = None
    """What the node's core has counted."""


@contextmanager
def ours(bench: Bench, users: int) -> Iterator[Target]:
    """Signaling and a node, with accounts for so many: everybody comes through the whole front door."""
    directory = bench.directory / f"system-{next(_numbers)}"
    with program("tests.bench.system", str(directory), str(users), "1", cpu=bench.cores.server) as system:
        told = system.told
        file = directory / "users"
        file.write_text("".join(f"user{number} {token}\n" for number, token in enumerate(told["tokens"])))
        flags = ("--url", told["url"], "--users", str(file))
        yield Target("tertulia", flags, told["node"], system.pid, _counters(system))


@contextmanager
def node(bench: Bench, rooms: int, publishers: int) -> Iterator[Target]:
    """A node alone with so many rooms, entered as a peer is: by WHIP and WHEP."""
    arguments = ("alone", "1", str(rooms), str(publishers))
    with program("tests.bench.node", *arguments, cpu=bench.cores.server) as started:
        url, tokens = started.told["url"], started.told["tokens"]
        file = bench.directory / f"tokens-{next(_numbers)}"
        file.write_text("\n".join(tokens))
        # Rooms are 64 hexadecimal digits; the tester numbers them from 1, as the node does.
        flags = ("--whip", f"{url}/whip/{{room:064x}}", "--whep", f"{url}/whep/{{room:064x}}", "--bearer", str(file))
        yield Target("tertulia", flags, started.pid, started.pid, _counters(started))


def _counters(system: Program) -> Callable[[], dict[str, int]]:
    def asked() -> dict[str, int]:
        counted: dict[str, Any] = system.ask()
        return counted

    return asked


@contextmanager
def janus(bench: Bench) -> Iterator[Target]:
    """Debian's Janus, tuned for one core; raises Unmeasured where it isn't installed."""
    yield from _peer(bench, "janus")


@contextmanager
def relay(bench: Bench) -> Iterator[Target]:
    """aiortc's MediaRelay."""
    yield from _peer(bench, "relay")


def _peer(bench: Bench, name: str) -> Iterator[Target]:
    with program(f"tests.load.{name}", "--cpu", str(bench.cores.server), cpu=bench.cores.tester) as peer:
        told = peer.told
        url = f"{told['url']}/{{kind}}/{{{{room}}}}/{{{{n}}}}"
        flags = ("--whip", url.format(kind="whip"), "--whep", url.format(kind="whep"))
        yield Target(f"{name} {told['version']}", flags, told["pid"], told["pid"])
