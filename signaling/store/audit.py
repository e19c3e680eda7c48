"""Audit: who changed a permission or a session, when, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from .database import Database
from .tables import audit
from .texts import fit


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One thing that was done."""

    id: int
    at_ms: int
    domain: str
    actor: str
    action: str
    target: str
    detail: dict[str, Any]
    address: str


class Audit:
    """The audit log of one database: it is added to, read, and forgotten by age."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        *,
        at_ms: int,
        actor: str,
        action: str,
        target: str,
        detail: dict[str, Any] | None = None,
        address: str = "",
        domain: str = "",
    ) -> None:
        """Keep one entry; `domain` is the one whose admins may read it."""
        entry = {
            "at_ms": at_ms,
            "domain": fit(domain, 190),
            "actor": fit(actor, 64),
            "action": fit(action, 64),
            "target": fit(target, 255),
            "detail": detail or {},
            "address": fit(address, 64),
        }
        async with self._database.writing() as connection:
            await connection.execute(audit.insert().values(entry))

    async def page(
        self,
        *,
        domain: str | None = None,
        actor: str | None = None,
        action: str | None = None,
        target: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> tuple[AuditEntry, ...]:
        """The newest entries that fit, before the one with this id."""
        given = {audit.c.domain: domain, audit.c.actor: actor, audit.c.action: action, audit.c.target: target}
        wanted = [column == fit(value, 255) for column, value in given.items() if value is not None]
        if since_ms is not None:
            wanted.append(audit.c.at_ms >= since_ms)
        if until_ms is not None:
            wanted.append(audit.c.at_ms < until_ms)
        if before is not None:
            wanted.append(audit.c.id < before)
        rows = await self._database.mappings(select(audit).where(*wanted).order_by(audit.c.id.desc()).limit(limit))
        return tuple(AuditEntry(**row) for row in rows)

    async def forget_before(self, ms: int) -> int:
        """Remove what is older; gives how many entries."""
        async with self._database.writing() as connection:
            return (await connection.execute(delete(audit).where(audit.c.at_ms < ms))).rowcount
