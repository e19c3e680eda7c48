"""`/healthz`, `/readyz`, `/metrics`: for those who run the process.  Not for devices: keep them behind the proxy.

`/healthz` says that the process lives, whatever else is away: whoever restarts it for less only makes it worse.
`/readyz` says whether it can carry a call now, and what is missing; a process that stops is not ready any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import msgspec
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from ..errors import SignalingError
from .parts import Parts
from .wire import Wire

WITHIN_S = 3.0  # an orchestrator's probe gives up soon after


class Health(Wire, frozen=True, kw_only=True):
    """The process lives."""

    status: str = "ok"


class Readiness(Wire, frozen=True, kw_only=True):
    """Whether calls can be made here, and what is missing."""

    status: str
    missing: tuple[str, ...]
    nodes: int


class HealthResource:
    """The handlers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def routes(self) -> list[web.AbstractRouteDef]:
        """Paths and handlers; plain ones, for they are no part of SAPI."""
        return [
            web.get("/healthz", self._healthz),
            web.get("/readyz", self._readyz),
            web.get("/metrics", self._metrics),
        ]

    async def _healthz(self, _request: web.Request) -> web.Response:
        return _json(Health())

    async def _readyz(self, _request: web.Request) -> web.Response:
        database, state = await asyncio.gather(
            _answers(self._parts.store.ping()), _answers(self._parts.state.rooms.count())
        )  # fmt: skip
        nodes = await self._nodes_present() if state else 0
        there = {"database": database, "state": state, "node": nodes > 0}
        missing = tuple(name for name, is_there in there.items() if not is_there)
        status = "stopping" if self._parts.is_stopping() else "unready" if missing else "ready"
        answer = Readiness(status=status, missing=missing, nodes=nodes)
        return _json(answer, status=200 if status == "ready" else 503)

    async def _metrics(self, _request: web.Request) -> web.Response:
        self._parts.metrics.state_is(there=await _answers(self._standing()))
        return web.Response(body=self._parts.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _standing(self) -> None:
        nodes, rooms = await self._parts.nodes(), await self._parts.state.rooms.count()
        present = sum(node.socket is not None for node in nodes)
        self._parts.metrics.standing(present=present, away=len(nodes) - present, rooms=rooms)

    async def _nodes_present(self) -> int:
        try:
            return sum(node.socket is not None for node in await self._parts.nodes())
        except SignalingError:
            return 0


async def _answers(asked: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(WITHIN_S):
            await asked
    except (SignalingError, TimeoutError):
        return False
    return True


def _json(answer: Wire, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(answer), status=status, content_type="application/json")
