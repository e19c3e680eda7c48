"""A stand-in for signaling that speaks `/nodes` over a real socket to a node under test."""

from dataclasses import dataclass, field
from typing import Any, Self

import socketio
from aiohttp import web

from tests.support.eventually import until

SECRET = "0123456789abcdef"
ANSWER_S = 20.0
"""For an answer on a machine that is busy with other tests."""


@dataclass
class Signaling:
    """The server end of `/nodes`: keeps what a node reports, and can ask it for things."""

    port: int = 0
    reports: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    registrations: list[dict[str, Any]] = field(default_factory=list)
    close_rooms: list[str] = field(default_factory=list)
    secret: str = SECRET
    refuses: int | None = None
    """Registrations are answered with this error."""
    takes_reports: bool = True
    """Else they are answered 503."""
    _runner: web.AppRunner | None = None

    async def start(self) -> Self:
        """Take a port (the last one again) and serve."""
        make: Any = socketio.AsyncServer
        self._server: Any = make(async_mode="aiohttp", cors_allowed_origins="*")
        for event, handler in (("connect", self._connect), ("register", self._register), ("*", self._report)):
            self._server.on(event, handler, namespace="/nodes")
        app = web.Application()
        self._server.attach(app)
        self._runner = runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """As if the process had died; again is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await self._server.shutdown()
            await runner.cleanup()

    async def ask(self, event: str, **data: object) -> dict[str, Any]:
        """A request to the node and its answer."""
        answer: dict[str, Any] = await self._server.call(
            event, data, to=self._sid, namespace="/nodes", timeout=ANSWER_S
        )
        return answer

    async def registered(self, within_s: float) -> None:
        """Wait for a registration."""
        await until(lambda: self.registrations, "a node registers", within_s)

    def of(self, event: str) -> list[dict[str, Any]]:
        """What was reported under this name."""
        return [data for name, data in self.reports if name == event]

    async def _connect(self, sid: str, _environ: object, auth: dict[str, Any]) -> None:
        if auth.get("secret") != self.secret:
            refused: Any = socketio.exceptions.ConnectionRefusedError
            raise refused("unauthorized", {"code": "unauthorized"})
        self._sid = sid

    async def _register(self, _sid: str, data: dict[str, Any]) -> dict[str, Any]:
        if self.refuses is not None:
            return {"error": self.refuses, "message": "not here"}
        self.registrations.append(data)
        return {"close": self.close_rooms, "node": data["node"]}

    async def _report(self, event: str, _sid: str, data: dict[str, Any]) -> dict[str, Any]:
        self.reports.append((event, data))
        return {} if self.takes_reports else {"error": 503, "message": "state is away"}
