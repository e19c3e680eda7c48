"""Rows of SQLite that an index finds, read in the event loop's own thread: what every call and every sign-in asks.

users, sessions, domains -> database -> **prompt** -> SQLAlchemy -> sqlite3

Such a row is there after 30 µs; a connection in a thread of its own takes it 800 µs, six times there and back.  It is
read anew each time, so what any process has committed holds at once.  In WAL mode readers wait for nobody; where SQLite
would have to wait after all, or cannot read, this raises instead, and the row is asked for in the ordinary way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import URL, Connection, NullPool, Select, create_engine
from sqlalchemy.engine import Row
from sqlalchemy.exc import SQLAlchemyError


class Prompt:
    """One connection to a SQLite file, opened by the first who asks.  `close` after use."""

    def __init__(self, url: URL) -> None:
        # Ours.
        self._engine = create_engine(
            url.set(drivername="sqlite"),
            isolation_level="AUTOCOMMIT",
            skip_autocommit_rollback=True,
            connect_args={"timeout": 0},
            poolclass=NullPool,
        )
        self._connection: Connection | None = None

    def row(self, query: Select[Any], values: Mapping[str, str | int]) -> Row[*tuple[Any, ...]] | None:
        """The first row; raises SQLAlchemyError where it cannot be had at once."""
        try:
            return self._opened().execute(query, values).first()
        except SQLAlchemyError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next who asks opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _opened(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
            self._connection.exec_driver_sql("PRAGMA query_only=ON")
        return self._connection
