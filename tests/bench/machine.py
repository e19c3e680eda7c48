"""What the figures were taken on.

command -> **machine** -> document
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import psutil

GIB = 1 << 30


def described() -> list[str]:
    """One line each: the machine, the programs, the kernel's limits that matter."""
    return [_hardware(), ", ".join(_versions()), _limits()]


def _hardware() -> str:
    memory = psutil.virtual_memory().total / GIB
    return f"{os.cpu_count()} cores, {_processor()}, {memory:.0f} GiB, Linux {platform.release()}, loopback"


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for command in (["rustc", "--version"], ["dpkg-query", "-W", "-f", "janus ${Version}", "janus"]):
        yield from _first_line(command)
    for name in ("aiortc", "aiohttp", "python-socketio"):
        yield f"{name} {metadata.version(name)}"


def _first_line(command: list[str]) -> Iterator[str]:
    if shutil.which(command[0]) is None:
        return
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode == 0 and done.stdout:
        yield re.sub(r" \(.*\)$", "", done.stdout.splitlines()[0])


def _limits() -> str:
    names = ("rmem_max", "wmem_max")
    values = (f"{name} {Path('/proc/sys/net/core', name).read_text().strip()}" for name in names)
    return "net.core: " + ", ".join(values)
