"""Groups: users who are called together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from ..config import DEFAULT_DOMAIN
from ..errors import StoreError
from ..qss.identifiers import UserId, new_short_id
from .database import AnyRow, Database
from .domains import domain_made
from .tables import domains, group_members, groups, users
from .texts import SHORT_ID, checked_domain, checked_name, checked_text, fit, now_ms, split_name
from .users import USERS, user_of
from .values import Group, User

GROUPS: Final = select(
    groups.c.id, groups.c.name, groups.c.display_name, groups.c.created_ms, domains.c.name.label("domain")
).join(domains, groups.c.domain_id == domains.c.id)


class Groups:
    """The groups of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, name: str, domain: str, display_name: str = "", members: Iterable[str] = ()) -> Group:
        """Make a group.  Raises ConfigError for a bad name, StoreError for a taken one or a member who is no user."""
        name, domain = checked_name(name, "group name"), checked_domain(domain)
        group = new_short_id()
        made = {
            "id": group,
            "name": name,
            "display_name": checked_text(display_name, "display name") or name,
            "created_ms": now_ms(),
        }
        async with self._database.writing() as connection:
            row = await domain_made(self._database, connection, domain)
            try:
                await connection.execute(groups.insert().values(**made, domain_id=row.id))
            except IntegrityError:
                raise StoreError(f"group {name}@{domain} exists already") from None
            await _put_members(connection, group, members)
        return await self._there(group)

    async def by_id(self, group: str) -> Group | None:
        """The group with this id."""
        if not SHORT_ID.fullmatch(group):
            return None
        return next(iter(await self._found(await self._database.rows(GROUPS.where(groups.c.id == group)))), None)

    async def by_name(self, reference: str, domain: str = DEFAULT_DOMAIN) -> Group | None:
        """The group called `name` in this domain, or `name@domain`."""
        names = split_name(reference, domain)
        if names is None:
            return None
        query = GROUPS.where(groups.c.name == names[0], domains.c.name == names[1])
        return next(iter(await self._found(await self._database.rows(query))), None)

    async def page(self, domain: str, *, after: str = "", limit: int = 100) -> tuple[Group, ...]:
        """The next groups of a domain by name, after this one."""
        query = GROUPS.where(domains.c.name == fit(domain.lower(), 190), groups.c.name > fit(after, 64))
        return await self._found(await self._database.rows(query.order_by(groups.c.name).limit(limit)))

    async def users_of(self, group: str) -> tuple[User, ...]:
        """The members of a group, by name."""
        query = USERS.join(group_members, group_members.c.user_id == users.c.id)
        query = query.where(group_members.c.group_id == group).order_by(users.c.name, users.c.id)
        return tuple(user_of(row) for row in await self._database.rows(query))

    async def update(self, group: str, *, display_name: str) -> Group | None:
        """Change what people are shown; None if there is no such group."""
        changed = update(groups).where(groups.c.id == group)
        changed = changed.values(display_name=checked_text(display_name, "display name"))
        if SHORT_ID.fullmatch(group):
            async with self._database.writing() as connection:
                await connection.execute(changed)
        return await self.by_id(group)

    async def set_members(self, group: str, members: Iterable[str]) -> Group | None:
        """Who belongs to a group; None if there is no such group, StoreError for a member who is no user."""
        if await self.by_id(group) is None:
            return None
        async with self._database.writing() as connection:
            await connection.execute(group_members.delete().where(group_members.c.group_id == group))
            await _put_members(connection, group, members)
        return await self.by_id(group)

    async def remove(self, group: str) -> bool:
        """Remove a group; False if there is no such group."""
        if not SHORT_ID.fullmatch(group):
            return False
        async with self._database.writing() as connection:
            return bool((await connection.execute(groups.delete().where(groups.c.id == group))).rowcount)

    async def _there(self, group: str) -> Group:
        found = await self.by_id(group)
        if found is None:
            raise StoreError("the group was removed meanwhile")
        return found

    async def _found(self, rows: Sequence[AnyRow]) -> tuple[Group, ...]:
        members: dict[str, list[UserId]] = {row.id: [] for row in rows}
        if members:
            query = select(group_members).where(group_members.c.group_id.in_(members))
            for row in await self._database.rows(query.order_by(group_members.c.user_id)):
                members[row.group_id].append(UserId(row.user_id))
        return tuple(
            Group(
                id=row.id,
                name=row.name,
                domain=row.domain,
                display_name=row.display_name,
                members=tuple(members[row.id]),
                created_ms=row.created_ms,
            )
            for row in rows
        )


async def _put_members(connection: AsyncConnection, group: str, members: Iterable[str]) -> None:
    rows = [{"group_id": group, "user_id": member} for member in dict.fromkeys(members)]
    if not all(SHORT_ID.fullmatch(row["user_id"]) for row in rows):
        raise StoreError("a member is no user")
    try:
        if rows:
            await connection.execute(group_members.insert(), rows)
    except IntegrityError:
        raise StoreError("a member is no user") from None
