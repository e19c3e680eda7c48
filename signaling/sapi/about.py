"""`/sapi/audit`, `/sapi/capabilities`, `/sapi/openapi.json`: what was done, what can be done, and how to ask."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType

from .operations import Auth, Call, Operation, Operations
from .parts import Parts
from .rights import acts_everywhere
from .wire import EpochMs, Limit, PrintableText, Wire


class AuditQuery(Wire, frozen=True, kw_only=True):
    """Which entries."""

    actor: PrintableText | UnsetType = UNSET
    action: PrintableText | UnsetType = UNSET
    target: PrintableText | UnsetType = UNSET
    since: EpochMs | UnsetType = UNSET
    until: EpochMs | UnsetType = UNSET
    before: EpochMs | UnsetType = UNSET
    """The `next` of the page before."""
    limit: Limit = 100


class AuditEntryView(Wire, frozen=True, kw_only=True):
    """One thing that was done, by whom (a user's id; empty: nobody who was signed in) and from where."""

    id: int
    at: EpochMs
    domain: str
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str


class AuditList(Wire, frozen=True, kw_only=True):
    """Entries, the newest first; `next` is the `before` of the next page."""

    entries: tuple[AuditEntryView, ...]
    next: int | UnsetType = UNSET


class SignInWays(Wire, frozen=True, kw_only=True):
    """How to get a token."""

    password: bool
    issuer: str | None
    """Whose tokens are taken as well."""


class Limits(Wire, frozen=True, kw_only=True):
    """What a device may do; beyond, it is told 429 or disconnected (`frameBytes`)."""

    frame_bytes: int
    frames_per_second: float
    frames_at_once: float
    open_requests: int


class Capabilities(Wire, frozen=True, kw_only=True):
    """What this deployment can do."""

    version: str
    sign_in: SignInWays
    transports: tuple[str, ...]
    limits: Limits
    turn: bool
    """Whether devices are given a TURN server."""


class AboutResource:
    """The handlers."""

    def __init__(self, parts: Parts, version: str) -> None:
        self._parts = parts
        self._version = version

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="GET",
                path="/sapi/audit",
                id="listAudit",
                summary="Who changed permissions, sessions, users, groups and domains, and who was not let in.",
                serve=self._audit,
                auth=Auth.ADMIN,
                query=AuditQuery,
                answer=AuditList,
            ),
            Operation(
                method="GET",
                path="/sapi/capabilities",
                id="getCapabilities",
                summary="What this deployment can do.",
                serve=self._capabilities,
                auth=Auth.NOBODY,
                answer=Capabilities,
            ),
        )

    async def _audit(self, call: Call[None, AuditQuery]) -> AuditList:
        asked = call.query
        found = await self._parts.store.audit.page(
            domain=None if acts_everywhere(call.user) else call.user.domain,
            actor=_text(asked.actor),
            action=_text(asked.action),
            target=_text(asked.target),
            since_ms=_number(asked.since),
            until_ms=_number(asked.until),
            before=_number(asked.before),
            limit=asked.limit,
        )
        entries = tuple(
            AuditEntryView(
                id=each.id,
                at=each.at_ms,
                domain=each.domain,
                actor=each.actor,
                action=each.action,
                target=each.target,
                detail=each.detail,
                address=each.address,
            )
            for each in found
        )
        return AuditList(entries=entries, next=entries[-1].id if len(entries) == asked.limit else UNSET)

    async def _capabilities(self, _call: Call[None, None]) -> Capabilities:
        config = self._parts.config
        return Capabilities(
            version=self._version,
            sign_in=SignInWays(password=True, issuer=config.issuer.url if config.issuer else None),
            transports=("/socket.io", "/ws"),
            limits=Limits(
                frame_bytes=config.frame_bytes,
                frames_per_second=config.rates.frames_per_s,
                frames_at_once=config.rates.frames_burst,
                open_requests=config.open_requests,
            ),
            turn=bool(config.turn),
        )


def _text(value: str | UnsetType) -> str | None:
    return None if isinstance(value, UnsetType) else value


def _number(value: int | UnsetType) -> int | None:
    return None if isinstance(value, UnsetType) else value
