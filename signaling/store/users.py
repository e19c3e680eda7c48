"""Users: making them, finding them by id or name, and whether they may be called."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from sqlalchemy import bindparam, func, or_, select, update
from sqlalchemy.exc import IntegrityError

from ..config import DEFAULT_DOMAIN
from ..errors import StoreError
from ..qss.identifiers import UserId, new_user_id
from .database import AnyRow, Database
from .domains import domain_made
from .tables import domains, users
from .texts import SHORT_ID, SHOWN, checked_domain, checked_name, checked_text, fit, now_ms, split_name
from .values import User

USERS: Final = select(
    users.c.id,
    users.c.name,
    users.c.display_name,
    users.c.receive_calls,
    users.c.admin,
    users.c.disabled,
    users.c.created_ms,
    domains.c.name.label("domain"),
    domains.c.receive_calls.label("domain_receive_calls"),
).join(domains, users.c.domain_id == domains.c.id)

# Asked for every call, hence made once.
BY_ID: Final = USERS.where(users.c.id == bindparam("user"))
BY_NAME: Final = USERS.where(users.c.name == bindparam("user"), domains.c.name == bindparam("domain_name"))


class Users:
    """The users of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        name: str,
        domain: str,
        password_hash: str | None,
        display_name: str = "",
        *,
        admin: bool = False,
        user_id: UserId | None = None,
    ) -> User:
        """Make a user, and his domain if it is new; without a hash no password signs him in.

        The id is a new one, unless he has one elsewhere that it follows from.

        Raises ConfigError for a bad name, StoreError for a taken one.
        """
        name, domain = checked_name(name, "user name"), checked_domain(domain)
        made = User(
            id=user_id or new_user_id(),
            name=name,
            domain=domain,
            display_name=checked_text(display_name, "display name") or name,
            receives_calls=True,
            admin=admin,
            created_ms=now_ms(),
        )
        try:
            async with self._database.writing() as connection:
                row = await domain_made(self._database, connection, domain)
                await connection.execute(users.insert().values(_columns(made, row.id, password_hash or "")))
        except IntegrityError:
            raise StoreError(f"user {name}@{domain} exists already") from None
        return replace(made, receives_calls=row.receive_calls is not False)

    async def by_id(self, user: str) -> User | None:
        """The user with this id."""
        if not SHORT_ID.fullmatch(user):
            return None
        row = await self._database.row(BY_ID, user=user)
        return user_of(row) if row else None

    async def by_name(self, reference: str, domain: str = DEFAULT_DOMAIN) -> User | None:
        """The user called `name` in this domain, or `name@domain`."""
        names = split_name(reference, domain)
        if names is None:
            return None
        row = await self._database.row(BY_NAME, user=names[0], domain_name=names[1])
        return user_of(row) if row else None

    async def resolve(self, reference: str, domain: str) -> User | None:
        """Whoever a reference means: a user id, `name@domain`, or a name in the caller's domain."""
        return await self.by_id(reference) or await self.by_name(reference, domain)

    async def password_of(self, reference: str) -> tuple[User, str | None] | None:
        """A user and the hash of his password, if he has one."""
        names = split_name(reference, DEFAULT_DOMAIN)
        if names is None:
            return None
        query = USERS.add_columns(users.c.password).where(users.c.name == names[0], domains.c.name == names[1])
        row = await self._database.row(query)
        return (user_of(row), row.password or None) if row else None

    async def of_domain(self, domain: str, limit: int = 1000) -> tuple[User, ...]:
        """The users of a domain by name, at most `limit`."""
        return await self.page(domain, limit=limit)

    async def page(self, domain: str, *, after: str = "", limit: int = 100, query: str = "") -> tuple[User, ...]:
        """The next users of a domain by name, after this one; with `query` in their name or display name."""
        wanted = USERS.where(domains.c.name == fit(domain.lower(), 190), users.c.name > fit(after, 64))
        if query:
            shown = func.lower(users.c.display_name)
            sought = fit(query.lower(), SHOWN)
            wanted = wanted.where(
                or_(users.c.name.contains(sought, autoescape=True), shown.contains(sought, autoescape=True))
            )
        rows = await self._database.rows(wanted.order_by(users.c.name).limit(limit))
        return tuple(user_of(row) for row in rows)

    async def update(
        self,
        user: str,
        *,
        display_name: str | None = None,
        admin: bool | None = None,
        disabled: bool | None = None,
        password_hash: str | None = None,
    ) -> User | None:
        """Change what is given; None if there is no such user."""
        shown = None if display_name is None else checked_text(display_name, "display name")
        given = {"display_name": shown, "admin": admin, "disabled": disabled, "password": password_hash}
        changes: dict[str, object] = {column: value for column, value in given.items() if value is not None}
        if changes and not await self._change(user, changes):
            return None
        return await self.by_id(user)

    async def set_receive_calls(self, user: str, enabled: bool | None) -> bool:
        """Whether a user receives calls; None: as his domain says.  False if there is no such user."""
        return await self._change(user, {"receive_calls": enabled})

    async def remove(self, user: str) -> bool:
        """Remove a user with his sessions and memberships; history keeps his id.  False if there is no such user."""
        if not SHORT_ID.fullmatch(user):
            return False
        async with self._database.writing() as connection:
            return bool((await connection.execute(users.delete().where(users.c.id == user))).rowcount)

    async def _change(self, user: str, changes: dict[str, object]) -> bool:
        if not SHORT_ID.fullmatch(user):
            return False
        async with self._database.writing() as connection:
            changed = await connection.execute(update(users).where(users.c.id == user).values(changes))
            return bool(changed.rowcount)


def _columns(user: User, domain: str, password: str) -> dict[str, object]:
    return {
        "id": user.id,
        "domain_id": domain,
        "name": user.name,
        "display_name": user.display_name,
        "password": password,
        "receive_calls": user.receive_calls,
        "created_ms": user.created_ms,
        "admin": user.admin,
        "disabled": user.disabled,
    }


def user_of(row: AnyRow) -> User:
    """What a row of USERS says."""
    own: bool | None = row.receive_calls
    receives = row.domain_receive_calls if own is None else own
    return User(
        id=UserId(row.id),
        name=row.name,
        domain=row.domain,
        display_name=row.display_name,
        receives_calls=receives is not False and not row.disabled,
        receive_calls=own,
        admin=row.admin,
        disabled=row.disabled,
        created_ms=row.created_ms,
    )
