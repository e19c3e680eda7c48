"""Users and domains: making them, finding them by id or name, and whether they may be called."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.schema import CreateTable

from ..config import DATABASE, DEFAULT_DOMAIN
from ..errors import ConfigError, StoreError
from ..qss.identifiers import UserId, new_short_id, new_user_id
from .tables import DomainRow, Table, UserRow

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
DOMAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,188}[a-z0-9])?")
USER_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True, slots=True)
class User:
    """A user as the rest of signaling sees him."""

    id: UserId
    name: str
    domain: str
    display_name: str
    receives_calls: bool

    @property
    def username(self) -> str:
        """`name@domain`."""
        return f"{self.name}@{self.domain}"


class Users:
    """The users of one database.  `open` before use; `close` after."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    @classmethod
    async def open(cls, data: Path) -> Users:
        """The users of the SQLite database in a data directory; raises StoreError if it cannot be used."""
        engine = create_async_engine(f"sqlite+aiosqlite:///{data / DATABASE}")
        event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
        try:
            async with engine.begin() as connection:
                # Each by itself and only if it is not there: another process may be making the same database.
                for table in Table.metadata.sorted_tables:
                    await connection.execute(CreateTable(table, if_not_exists=True))
        except SQLAlchemyError as error:
            await engine.dispose()
            raise StoreError(f"cannot use the database {data / DATABASE}: {_cause(error)}") from None
        return cls(engine)

    async def close(self) -> None:
        """Close the database."""
        await self._engine.dispose()

    async def add(self, name: str, domain: str, password_hash: str, display_name: str = "") -> User:
        """Make a user, and his domain if it is new.  Raises ConfigError for a bad name, StoreError for a taken one."""
        name, domain = _checked(NAME, name.lower(), "user name"), _checked(DOMAIN, domain.lower(), "domain")
        try:
            async with self._session.begin() as session:
                row = await _domain(session, domain)
                user = UserRow(
                    id=new_user_id(),
                    domain_id=row.id,
                    name=name,
                    display_name=display_name or name,
                    password=password_hash,
                    receive_calls=None,
                    created_ms=time.time_ns() // 1_000_000,
                )
                session.add(user)
        except IntegrityError:
            raise StoreError(f"user {name}@{domain} exists already") from None
        except SQLAlchemyError as error:
            raise StoreError(f"cannot write the database: {_cause(error)}") from None
        return _user(user, row)

    async def by_id(self, user: str) -> User | None:
        """The user with this id."""
        wanted = select(UserRow, DomainRow).join(DomainRow).where(UserRow.id == user)
        async with self._session() as session:
            found = (await session.execute(wanted)).first()
        return _user(*found) if found else None

    async def by_name(self, reference: str, domain: str = DEFAULT_DOMAIN) -> User | None:
        """The user called `name` in this domain, or `name@domain`."""
        found = await self._row(reference, domain)
        return _user(*found) if found else None

    async def resolve(self, reference: str, domain: str) -> User | None:
        """Whoever `to` means: a user id, `name@domain`, or a name in the caller's domain."""
        if USER_ID.fullmatch(reference) and (user := await self.by_id(reference)):
            return user
        return await self.by_name(reference, domain)

    async def password_of(self, reference: str) -> tuple[User, str] | None:
        """A user and the hash of his password."""
        found = await self._row(reference, DEFAULT_DOMAIN)
        return (_user(*found), found[0].password) if found else None

    async def of_domain(self, domain: str, limit: int = 1000) -> tuple[User, ...]:
        """The users of a domain by name, at most `limit`."""
        wanted = select(UserRow, DomainRow).join(DomainRow).where(DomainRow.name == domain)
        async with self._session() as session:
            rows = await session.execute(wanted.order_by(UserRow.name).limit(limit))
            return tuple(_user(user, row) for user, row in rows)

    async def set_receive_calls(self, user: str, enabled: bool | None) -> bool:
        """Whether a user receives calls; None: as his domain says.  False if there is no such user."""
        async with self._session.begin() as session:
            row = await session.get(UserRow, user)
            if row is not None:
                row.receive_calls = enabled
            return row is not None

    async def set_domain_receive_calls(self, domain: str, enabled: bool | None) -> bool:
        """Whether the users of a domain receive calls where they say nothing.  False if there is no such domain."""
        async with self._session.begin() as session:
            row = await session.scalar(select(DomainRow).where(DomainRow.name == domain))
            if row is not None:
                row.receive_calls = enabled
            return row is not None

    async def _row(self, reference: str, domain: str) -> tuple[UserRow, DomainRow] | None:
        name, _, given = reference.lower().partition("@")
        wanted = select(UserRow, DomainRow).join(DomainRow)
        async with self._session() as session:
            found = await session.execute(wanted.where(UserRow.name == name, DomainRow.name == (given or domain)))
            return found.first()


async def _domain(session: AsyncSession, name: str) -> DomainRow:
    # Written first and looked up then: another process may be making the same domain.
    new = insert(DomainRow).values(id=new_short_id(), name=name, receive_calls=None)
    await session.execute(new.on_conflict_do_nothing())
    return (await session.scalars(select(DomainRow).where(DomainRow.name == name))).one()


def _user(user: UserRow, domain: DomainRow) -> User:
    receives = domain.receive_calls if user.receive_calls is None else user.receive_calls
    return User(UserId(user.id), user.name, domain.name, user.display_name, receives is not False)


def _checked(pattern: re.Pattern[str], text: str, what: str) -> str:
    if not pattern.fullmatch(text):
        raise ConfigError(what, f"{text[:64]!r} has characters or a length that are not allowed")
    return text


def _on_sqlite_connect(connection: DBAPIConnection, _record: object) -> None:
    # WAL: `user add` may write while a server reads.  Waiting for the other's lock beats failing.
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=5000", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _cause(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).split("\n", 1)[0]
