"""The lasting state of one process: its parts over one database, opened once and closed once."""

from __future__ import annotations

from .audit import Audit
from .calls import Calls
from .database import Database
from .directory import Directory
from .domains import Domains
from .groups import Groups
from .migrate import to_this_version
from .sessions import Sessions
from .users import Users


class Store:
    """Everything that outlives a process.  `open` before use; `close` after."""

    def __init__(self, database: Database) -> None:
        # Ours; `close` ends it.
        self._database = database
        # Views of it: they hold nothing.
        self.users = Users(database)
        self.domains = Domains(database)
        self.groups = Groups(database)
        self.directory = Directory(database)
        self.sessions = Sessions(database)
        self.calls = Calls(database)
        self.audit = Audit(database)

    @classmethod
    async def open(cls, url: str) -> Store:
        """The store at `sqlite:///FILE` or `postgresql://…`, brought to this version; raises StoreError."""
        database = Database.at(url)
        try:
            await to_this_version(database)
        except BaseException:
            await database.close()
            raise
        return cls(database)

    @property
    def where(self) -> str:
        """Which database this is, without its password."""
        return self._database.where

    async def ping(self) -> None:
        """Return if the database answers; raises StoreAway."""
        await self._database.ping()

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()
