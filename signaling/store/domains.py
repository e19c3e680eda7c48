"""Domains: the tenants that users and groups belong to."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from ..errors import StoreError
from ..qss.identifiers import new_short_id
from .database import AnyRow, Database
from .tables import domains
from .texts import DOMAIN, SHORT_ID, checked_domain, fit, now_ms
from .values import Domain

DOMAINS = select(domains.c.id, domains.c.name, domains.c.receive_calls, domains.c.created_ms)


class Domains:
    """The domains of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str) -> Domain:
        """Make a domain.  Raises ConfigError for a bad name, StoreError for a taken one."""
        name = checked_domain(name)
        try:
            async with self._database.writing() as connection:
                made = Domain(id=new_short_id(), name=name, created_ms=now_ms())
                await connection.execute(
                    domains.insert().values(id=made.id, name=made.name, created_ms=made.created_ms)
                )  # fmt: skip
                return made
        except IntegrityError:
            raise StoreError(f"domain {name} exists already") from None

    async def by_id(self, domain: str) -> Domain | None:
        """The domain with this id."""
        if not SHORT_ID.fullmatch(domain):
            return None
        row = await self._database.row(DOMAINS.where(domains.c.id == domain))
        return _domain(row) if row else None

    async def by_name(self, name: str) -> Domain | None:
        """The domain called this."""
        if not DOMAIN.fullmatch(name.lower()):
            return None
        row = await self._database.row(DOMAINS.where(domains.c.name == name.lower()))
        return _domain(row) if row else None

    async def page(self, *, after: str = "", limit: int = 100) -> tuple[Domain, ...]:
        """The next domains by name, after this one."""
        query = DOMAINS.where(domains.c.name > fit(after, 190)).order_by(domains.c.name).limit(limit)
        return tuple(_domain(row) for row in await self._database.rows(query))

    async def set_receive_calls(self, domain: str, enabled: bool | None) -> bool:
        """Whether the users of a domain receive calls where they say nothing.  False if there is no such domain."""
        if not SHORT_ID.fullmatch(domain):
            return False
        changed = update(domains).where(domains.c.id == domain).values(receive_calls=enabled)
        async with self._database.writing() as connection:
            return bool((await connection.execute(changed)).rowcount)

    async def remove(self, domain: str) -> bool:
        """Remove an empty domain.  False if there is no such domain; StoreError while it has users or groups."""
        if not SHORT_ID.fullmatch(domain):
            return False
        try:
            async with self._database.writing() as connection:
                return bool((await connection.execute(domains.delete().where(domains.c.id == domain))).rowcount)
        except IntegrityError:
            raise StoreError("the domain still has users or groups") from None


async def domain_made(database: Database, connection: AsyncConnection, name: str) -> AnyRow:
    """The row of a domain, new or there already."""
    # Written first and looked up then: another process may be making the same domain.
    new = database.insert(domains).values(id=new_short_id(), name=name, created_ms=now_ms())
    await connection.execute(new.on_conflict_do_nothing())
    row: AnyRow = (await connection.execute(DOMAINS.where(domains.c.name == name))).one()
    return row


def _domain(row: AnyRow) -> Domain:
    return Domain(id=row.id, name=row.name, receive_calls=row.receive_calls, created_ms=row.created_ms)
