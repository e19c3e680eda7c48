"""The whole system as a user starts it: real processes, real sockets, throw-away data.

`System` starts signaling and a node as two processes of the console script, so that a test may kill one of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.eventually import eventually
from tests.support.ports import free_tcp_port, free_udp_port

PASSWORD = "correct horse battery"
STOP_GRACE_S = 15.0
PATIENT = ("rings_per_min", "rings_burst", "rings_of_one_per_min", "rings_of_one_burst")
"""Rates that many tests with the same few users would reach."""


async def console(*arguments: str, **environment: str) -> asyncio.subprocess.Process:
    """Start `tertulia ARGUMENTS` with its output caught."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tertulia",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1", **environment},
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a console command ended."""

    status: int
    out: str
    err: str


async def run_console(*arguments: str, within_s: float = 60.0, **environment: str) -> Outcome:
    """Run `tertulia ARGUMENTS` to its end."""
    process = await console(*arguments, **environment)
    out, err = await asyncio.wait_for(process.communicate(), within_s)
    assert process.returncode is not None
    return Outcome(process.returncode, out.decode(), err.decode())


async def stop(process: asyncio.subprocess.Process) -> int:
    """Ask `process` to end, as Ctrl-C does, and return its exit status."""
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    try:
        return await asyncio.wait_for(process.wait(), STOP_GRACE_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise AssertionError("a process did not end within its grace") from None


async def answers(url: str) -> bool | None:
    """Whether `url` answers 200."""
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with aiohttp.ClientSession() as http, http.get(url) as response:
            return response.status == 200
    return None


@dataclass(slots=True)
class System:
    """Signaling and one node."""

    data: Path
    ring_timeout_s: float = 30.0
    advertise: Sequence[str] = ("127.0.0.1",)
    """Where browsers reach the media; none = as the node finds out by itself."""
    port: int = field(default_factory=free_tcp_port)
    udp_port: int = field(default_factory=free_udp_port)
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where signaling and the page are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def node_url(self) -> str:
        """Where the node's HTTP is."""
        return f"http://127.0.0.1:{self.port + 1}"

    async def add_user(self, name: str) -> Path:
        """Make an account with the password PASSWORD; returns its password file."""
        file = self.data / f"{name}.password"
        file.write_text(PASSWORD)
        arguments = ("user", "add", name, "--password-file", str(file), "--data", str(self.data))
        done = await run_console(*arguments)
        assert done.status == 0, done.err
        return file

    async def token(self, name: str) -> str:
        """An access token of account `name`."""
        done = await run_console("token", name, "--data", str(self.data))
        assert done.status == 0, done.err
        return done.out.strip()

    async def start_signaling(self) -> None:
        """Start signaling and wait until it answers, and a node that is there already has found it again."""
        await self._start(
            "signaling",
            *("--host", "127.0.0.1", "--port", str(self.port), "--data", str(self.data)),
            *("--node-secret-file", str(self._secret()), "--ring-timeout", str(self.ring_timeout_s)),
            *(part for name in PATIENT for part in ("--rate", f"{name}=1000")),
        )
        await eventually(lambda: answers(f"{self.url}/healthz"), self._tail("signaling answers"), 20)
        if "node" in self.processes:
            await eventually(self._node_registered, self._tail("the node registers again"), 20)

    async def start_node(self) -> None:
        """Start the node and wait until it answers and signaling would place a room on it."""
        await self._start(
            "node",
            *("--signaling", self.url, "--secret-file", str(self._secret()), "--host", "127.0.0.1"),
            *("--port", str(self.port + 1), "--udp-port", str(self.udp_port), "--workers", "1"),
            *(part for address in self.advertise for part in ("--advertise", address)),
        )
        await eventually(self._node_registered, self._tail("the node registers"), 20)

    async def kill(self, name: str) -> None:
        """End a half as a crash does."""
        process = self.processes.pop(name)
        process.kill()
        await process.wait()

    async def close(self) -> None:
        """End both halves, the node first."""
        for name in ("node", "signaling"):
            if process := self.processes.pop(name, None):
                await stop(process)

    async def health(self) -> dict[str, Any]:
        """What the node says of itself."""
        async with aiohttp.ClientSession() as http, http.get(f"{self.node_url}/healthz") as response:
            return json.loads(await response.text())  # type: ignore[no-any-return]

    async def _start(self, name: str, *arguments: str) -> None:
        self.logs[name] = log = self.data / f"{name}.log"
        with log.open("ab") as out:
            self.processes[name] = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "tertulia", name, *arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    def _secret(self) -> Path:
        file = self.data / "node-secret"
        if not file.exists():
            file.write_text("0123456789abcdef" * 4)
            file.chmod(0o600)
        return file

    async def _node_registered(self) -> bool | None:
        with contextlib.suppress(aiohttp.ClientError, KeyError):
            return bool((await self.health())["signaling"] == "connected")
        return None

    def _tail(self, what: str) -> str:
        return f"{what} (logs in {self.data})"


@contextlib.asynccontextmanager
async def running_system(
    data: Path, *users: str, ring_timeout_s: float = 30.0, advertise: Sequence[str] = ("127.0.0.1",)
) -> AsyncIterator[System]:
    """A started System with an account for each of `users`."""
    system = System(data, ring_timeout_s, advertise)
    try:
        await asyncio.gather(*map(system.add_user, users))
        await system.start_signaling()
        await system.start_node()
        yield system
    finally:
        await system.close()
