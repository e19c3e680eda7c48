"""The shell of `/nodes`: nodes that know the secret are let in, and their events handled one after the other.

node -> gateway/sockets -> **link** -> reports
"""

from __future__ import annotations

import asyncio
import hmac

import msgspec

from common.log import FieldLog

from ..config import SignalingConfig
from ..errors import SignalingError, StateAway
from ..gateway.namespaces import refused
from ..gateway.sockets import Sockets
from .absences import Absences
from .connections import NAMESPACE, Connections
from .contract import NodeAuth
from .reports import Handler, Reporter, Reports

log = FieldLog(__name__)


class NodeLink:
    """What `gateway/sockets` serves the namespace by."""

    takes_text = False

    def __init__(
        self,
        *,
        config: SignalingConfig,
        sockets: Sockets,
        connections: Connections,
        absences: Absences,
        reports: Reports,
    ) -> None:
        # Given to us.
        self._config = config
        self._sockets = sockets
        self._connections = connections
        self._absences = absences
        self._handlers = reports.handlers()
        # Ours.
        self._reporters: dict[str, Reporter] = {}
        self._turns: dict[str, asyncio.Lock] = {}

    async def connected(self, sid: str, auth: object) -> None:
        """Let a node in that knows the secret."""
        try:
            given = msgspec.convert(auth, NodeAuth)
        except msgspec.ValidationError:
            raise refused("unauthorized") from None
        if not self._is_secret(given.secret):
            log.warning("node_refused", node=given.node)
            raise refused("unauthorized")
        self._reporters[sid] = Reporter(sid, given)
        self._turns[sid] = asyncio.Lock()
        self._sockets.welcome(sid, NAMESPACE)

    def _is_secret(self, given: str) -> bool:
        """Whether it is one of ours: all are compared, so that time tells nothing."""
        matches = [hmac.compare_digest(given.encode(), one.encode()) for one in self._config.node_secrets]
        return any(matches)

    async def happened(self, sid: str, event: str, data: object) -> object:
        """Handle a node's event in its turn; whatever is wrong with it becomes the acknowledgement."""
        reporter = self._reporters.get(sid)
        if reporter is None:
            return {"error": 401, "message": "not authenticated"}
        handler = self._handlers.get(event)
        if handler is None:
            return {"error": 404, "message": f"unknown event {event[:64]!r}"}
        async with self._turns[sid]:
            return await self._handled(handler, reporter, data)

    @staticmethod
    async def _handled(handler: Handler, reporter: Reporter, data: object) -> object:
        try:
            return await handler(reporter, data)
        except SignalingError as error:
            return {"error": error.code, "message": error.message}
        except Exception:
            log.fault("node_event_failed", socket=reporter.socket)
            return {"error": 500, "message": "internal error"}

    async def malformed(self, sid: str, problem: str) -> None:
        """A node sent what is no event: what it meant is not known, so it has to come again and say all it holds."""
        if (reporter := self._reporters.get(sid)) is not None:  # else it has gone meanwhile
            log.warning("node_malformed", node=reporter.node, problem=problem)
            self._connections.reconnect(sid)

    async def disconnected(self, sid: str) -> None:
        """A node's connection is gone."""
        reporter = self._reporters.pop(sid, None)
        self._turns.pop(sid, None)
        if reporter is None or not self._connections.went(reporter.node, sid):
            return
        try:
            await self._absences.began(reporter.node, sid)
        except StateAway:
            log.warning("node_away_not_told", node=reporter.node)
