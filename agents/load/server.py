"""What the server's process takes: CPU and memory of `--server-pid` and of all its children.

/proc -> **server** -> report, seconds
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import psutil

from agents.errors import ConfigError

CPU_RANGE: Final = re.compile(r"\s*([0-9]{1,4})(?:-([0-9]{1,4}))?\s*")


def cpus(flag: str, text: str) -> tuple[int, ...]:
    """CPU numbers as `taskset -c` takes them, `0,2-3`; ConfigError if this machine lacks one."""
    found: set[int] = set()
    for part in text.split(","):
        match = CPU_RANGE.fullmatch(part)
        if match is None:
            raise ConfigError(f"--{flag} {text!r}: CPUs are given as 1 or 0,2-3")
        found |= set(range(int(match[1]), int(match[2] or match[1]) + 1))
    here = os.sched_getaffinity(0)
    if not found or not found <= here:
        raise ConfigError(f"--{flag} {text!r}: this process may use the CPUs {', '.join(map(str, sorted(here)))}")
    return tuple(sorted(found))


@dataclass(frozen=True, slots=True)
class Usage:
    """At one moment."""

    cpu_s: float = 0.0
    """User and system time since the start, of processes that are gone as well."""
    rss: int = 0
    """Octets in memory."""


class ServerProcess:
    """A process and its children, watched from outside."""

    def __init__(self, pid: int) -> None:
        try:
            self._process = psutil.Process(pid)
        except psutil.Error:
            raise ConfigError(f"--server-pid {pid}: there is no such process") from None
        self.pid = pid
        self._spent: dict[tuple[int, float], float] = {}

    def pin(self, to: tuple[int, ...]) -> None:
        """Keep every thread of it, and of its children, on these CPUs."""
        for process in self._all():
            for thread in _threads(process.pid):
                try:
                    os.sched_setaffinity(thread, to)
                except PermissionError:
                    raise ConfigError(f"--pin-server: process {process.pid} may not be pinned by this user") from None
                except ProcessLookupError:
                    continue

    def usage(self) -> Usage:
        """What all of them take now."""
        rss = 0
        for process in self._all():
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                # Who has ended is remembered, else the sum would fall.
                self._spent[process.pid, process.create_time()] = times.user + times.system
                rss += process.memory_info().rss
        return Usage(sum(self._spent.values()), rss)

    def _all(self) -> list[psutil.Process]:
        with suppress(psutil.Error):
            return [self._process, *self._process.children(recursive=True)]
        return []


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def account(pid: int, before: Usage, after: Usage, peak: int, *, seconds: float, packets: int) -> dict[str, Any]:
    """The server's part of the report; `packets` are those that it forwarded."""
    cpu_s = after.cpu_s - before.cpu_s
    return {
        "pid": pid,
        "cpu_s": cpu_s,
        "cpu_share": cpu_s / seconds if seconds > 0 else 0.0,
        "us_per_packet": cpu_s * 1e6 / packets if packets else None,
        "rss_before": before.rss,
        "rss_after": after.rss,
        "rss_peak": max(peak, after.rss, before.rss),
    }
