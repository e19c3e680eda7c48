"""One database behind one door: connections, transactions, what differs between SQLite and PostgreSQL, and its outages.

users, groups, calls, … -> **database** -> prompt; SQLAlchemy -> aiosqlite or asyncpg

A read is one statement without a transaction around it; a single row of SQLite does not even leave the loop's thread.
A write is a transaction that takes SQLite's one write lock at once: taken later, with something read already, it could
only fail.  While the database is away every call raises StoreAway; the pool tries each connection before it lends it,
so the first call after its return works again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import Any, Final

from sqlalchemy import URL, Select, Table, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from ..errors import ConfigError, StoreAway
from .prompt import Prompt

DRIVERS: Final = {
    "sqlite": "sqlite+aiosqlite",
    "postgresql": "postgresql+asyncpg",
    "postgres": "postgresql+asyncpg",  # as many hosters write it
}
HIGHEST_PORT = 65535
# What may stand behind the `?` for PostgreSQL: what asyncpg and SQLAlchemy read from text.
OPTIONS: Final = ("host", "port", "passfile", "ssl", "sslmode", "target_session_attrs", "prepared_statement_cache_size")
BUSY_MS = 5000  # how long a write waits for another process' write to the same SQLite file
SQLITE_CONNECTIONS = 6  # a thread each; none is opened for a moment only, which costs more than waiting for one
CONNECT_S = 5.0  # how long PostgreSQL may take to let us in
STATEMENT_S = 15.0  # and to answer one statement: none of ours is long

# PostgreSQL's error classes that pass: connection, resources, operator intervention (a restart), system.
PASSING: Final = ("08", "53", "57", "58")

Insert = postgresql.Insert | sqlite.Insert
AnyRow = Row[*tuple[Any, ...]]


class Database:
    """A pool of connections to one database.  `close` after use."""

    def __init__(self, engine: AsyncEngine) -> None:
        # Ours.
        self._engine = engine
        # SQLite's connections are in this mode for good: changing it and back again costs more than the query.
        self._reading = engine if self.is_sqlite else engine.execution_options(isolation_level="AUTOCOMMIT")
        # SQLite has one writer at a time: waiting here costs nothing, waiting in SQLite polls.
        self._writer = asyncio.Lock() if self.is_sqlite else nullcontext()
        self._prompt = Prompt(engine.url) if self.is_sqlite else None

    @classmethod
    def at(cls, url: str) -> Database:
        """The database at `sqlite:///FILE` or `postgresql://…`; nothing is opened yet.  Raises ConfigError."""
        parsed = parse_url(url)
        if parsed.drivername == DRIVERS["sqlite"]:
            engine = create_async_engine(
                parsed,
                isolation_level="AUTOCOMMIT",
                skip_autocommit_rollback=True,
                pool_size=SQLITE_CONNECTIONS,
                max_overflow=0,
            )
            event.listen(engine.sync_engine, "connect", _on_sqlite_connect)
            return cls(engine)
        limits = {"timeout": CONNECT_S, "command_timeout": STATEMENT_S}
        return cls(create_async_engine(parsed, pool_pre_ping=True, connect_args=limits))

    @property
    def is_sqlite(self) -> bool:
        """Whether it is SQLite; else it is PostgreSQL."""
        return self._engine.dialect.name == "sqlite"

    @property
    def where(self) -> str:
        """What people are told: the file, or the URL without its password."""
        url = self._engine.url
        return str(url.database) if self.is_sqlite else url.set(drivername="postgresql", query={}).render_as_string()

    async def rows(self, query: Select[Any]) -> list[AnyRow]:
        """All rows of one query."""
        async with self._connected(self._reading) as connection:
            return list((await connection.execute(query)).all())

    async def mappings(self, query: Select[Any]) -> list[dict[str, Any]]:
        """All rows of one query, by the names of their columns."""
        async with self._connected(self._reading) as connection:
            return [
                {str(key): value for key, value in row.items()} for row in (await connection.execute(query)).mappings()
            ]

    async def row(self, query: Select[Any], **values: str | int) -> AnyRow | None:
        """The first row of one query that an index answers, with these values for its parameters."""
        if self._prompt is not None:
            with suppress(SQLAlchemyError):
                return self._prompt.row(query, values)
        async with self._connected(self._reading) as connection:
            found: AnyRow | None = (await connection.execute(query, values)).first()
            return found

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction; what it breaks raises IntegrityError, and nothing of it stays."""
        async with self._writer:
            if self.is_sqlite:
                async with self._connected(self._engine) as connection, _sqlite_transaction(connection):
                    yield connection
                return
            async with self._connected(self._engine) as connection, connection.begin():
                yield connection

    def insert(self, table: Table) -> Insert:
        """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
        return sqlite.insert(table) if self.is_sqlite else postgresql.insert(table)

    async def ping(self) -> None:
        """Return if it answers."""
        async with self._connected(self._reading) as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close every connection."""
        if self._prompt is not None:
            self._prompt.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def _connected(self, engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
        with _told_when_away():
            async with engine.connect() as connection:
                yield connection


def parse_url(url: str) -> URL:
    """A database URL with the driver that we use; raises ConfigError."""
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigError("--database", "is no URL like sqlite:///FILE or postgresql://USER@HOST/NAME") from None
    if parsed.drivername not in DRIVERS:
        raise ConfigError("--database", f"{parsed.drivername[:32]!r} is neither sqlite nor postgresql")
    if not parsed.database or parsed.database == ":memory:":
        raise ConfigError("--database", "names no file" if parsed.drivername == "sqlite" else "names no database")
    if not 0 < (parsed.port or 1) <= HIGHEST_PORT:
        raise ConfigError("--database", f"{parsed.port} is no port")
    if unknown := set(parsed.query).difference(OPTIONS):
        raise ConfigError("--database", f"has an option that is none: {min(unknown)[:32]!r}")
    if mode := parsed.query.get("sslmode"):  # libpq's word for what asyncpg calls ssl
        parsed = parsed.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return parsed.set(drivername=DRIVERS[parsed.drivername])


def cause(error: BaseException) -> str:
    """Why, in one line."""
    found = getattr(error, "orig", None) or error
    if isinstance(found, OSError) and found.errno and found.errno > 0:
        return os.strerror(found.errno)
    line = str(found).strip().split("\n", 1)[0]
    return line.rpartition(">: ")[2] or type(found).__name__


@contextmanager
def _told_when_away() -> Iterator[None]:
    try:
        yield
    except IntegrityError:
        raise
    except (NoConnectionFree, OSError) as error:
        raise StoreAway(cause(error)) from error
    except DBAPIError as error:
        if _passes(error):
            raise StoreAway(cause(error)) from error
        raise


def _passes(error: DBAPIError) -> bool:
    if error.connection_invalidated or isinstance(error, OperationalError):
        return True
    state = str(getattr(error.orig, "sqlstate", None) or "")
    return state.startswith(PASSING) or "connection" in str(error.orig)


@asynccontextmanager
async def _sqlite_transaction(connection: AsyncConnection) -> AsyncIterator[None]:
    await connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
        await connection.exec_driver_sql("COMMIT")
    except BaseException:
        # What cannot be rolled back (it was cut off in the middle) is closed, which rolls it back.
        with suppress(SQLAlchemyError):
            await _rolled_back(connection)
        raise


async def _rolled_back(connection: AsyncConnection) -> None:
    if connection.invalidated:
        return
    try:
        await connection.exec_driver_sql("ROLLBACK")
    except BaseException:
        await connection.invalidate()
        raise


def _on_sqlite_connect(connection: DBAPIConnection, _record: object) -> None:
    # WAL: one may write while others read.  NORMAL: a power cut may cost the last commits, never the file.
    cursor = connection.cursor()
    for pragma in (f"busy_timeout={BUSY_MS}", "journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
