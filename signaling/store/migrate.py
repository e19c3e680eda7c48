"""Bringing a database to this version, however many processes start at once.

`Store.open` -> **migrate** -> Alembic -> migrations/versions

Whoever comes first takes the database's own lock (PostgreSQL: an advisory lock that ends with the transaction;
SQLite: an exclusive transaction) and runs what is missing in one transaction; the others wait and find it done.
A database of a later version is refused: an older program could not keep what it does not know.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from ..errors import StoreAway, StoreError
from .database import Database, cause

MIGRATIONS: Final = Path(__file__).parent / "migrations"
HEAD: Final = "0003"  # the last of migrations/versions
LOCK: Final = 0x7465_7274  # `tert`: the advisory lock of those who migrate
TRIES: Final = 50  # openings of a fresh SQLite file that several processes make at once
AGAIN_S: Final = 0.1


async def to_this_version(database: Database) -> None:
    """Run the migrations that are missing; raises StoreError if the database cannot be used."""
    # Asked before SQLite is: aiosqlite's thread may answer that it cannot after nobody listens any more.
    if database.is_sqlite and not (await asyncio.to_thread(_can_be_file, Path(database.where))):
        raise StoreError(f"cannot use the database {database.where}: unable to open database file")
    try:
        await _to_this_version(database)
    except StoreAway as error:
        raise StoreError(f"cannot use the database {database.where}: {error.reason}") from None
    except SQLAlchemyError as error:
        raise StoreError(f"cannot use the database {database.where}: {cause(error)}") from None


async def _to_this_version(database: Database) -> None:
    # Two who switch a fresh file to WAL at the same moment: SQLite refuses one of them without letting it wait.
    for _ in range(TRIES if database.is_sqlite else 0):
        try:
            await database.ping()
            break
        except StoreAway as error:
            if "locked" not in error.reason:
                raise
            await asyncio.sleep(AGAIN_S)
    async with database.writing() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        await connection.run_sync(_migrate, database.where)


def _can_be_file(place: Path) -> bool:
    return place.parent.is_dir() and not place.is_dir()


def version_of(connection: Connection) -> str | None:
    """The version a database has; None before it has any."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return version


def _migrate(connection: Connection, where: str) -> None:
    version = version_of(connection)
    if version == HEAD:
        return
    # Imported only by who migrates: it takes longer than all the rest of a start.
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise StoreError(
            f"the database {where} has version {version}, which this program does not know: it was made by a later one"
        ) from None
