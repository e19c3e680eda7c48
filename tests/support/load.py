"""Servers for the load tester in this process, and the command in its own: it is what is tested."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sfu.app import NodeProcess
from signaling.rates import Rates
from tests.support.eventually import until
from tests.support.in_test_node import NODE_SECRET
from tests.support.node import node_config
from tests.support.signaling import Server, running
from tests.support.system import Outcome, run_console

UNLIMITED = 1e6
SHORT = ("--warm-up", "0.5", "--duration", "3", "--ramp", "20")


@dataclass(frozen=True, slots=True)
class Loaded:
    """Real signaling and a real node, and where the command keeps its clips."""

    server: Server
    node: NodeProcess
    folder: Path

    async def users(self, count: int) -> Path:
        """A file with so many users and their tokens."""
        file = self.folder / f"users-{count}"
        names = [f"load-{number:04d}" for number in range(1, count + 1)]
        lines = [f"{name} {self.server.token(await self.server.user(name))}" for name in names]
        file.write_text("\n".join(lines))
        return file

    async def load(self, *flags: str, users: int = 6) -> tuple[Outcome, dict[str, Any]]:
        """How `tertulia load` through the front door ended, and its report."""
        file = await self.users(users)
        return await loaded(self.folder, "--url", self.server.url, "--users", str(file), *flags)


async def loaded(folder: Path, *flags: str) -> tuple[Outcome, dict[str, Any]]:
    """How `tertulia load` ended, and its report; none if it wrote none."""
    report = folder / "report.json"
    report.unlink(missing_ok=True)
    outcome = await run_console("load", *flags, "--json", str(report), within_s=110.0, XDG_CACHE_HOME=str(folder))
    return outcome, json.loads(report.read_text()) if report.exists() else {}


@asynccontextmanager
async def front_door(folder: Path) -> AsyncIterator[Loaded]:
    """Signaling and a node that belongs to it."""
    rates = Rates(**{each.name: UNLIMITED for each in fields(Rates)})
    async with running(folder, rates=rates) as server:
        node = NodeProcess(node_config(server.url, secret=NODE_SECRET))
        await node.start()
        try:
            await until(node.link.registered.is_set, "the node registers")
            yield Loaded(server, node, folder)
        finally:
            await node.stop()
