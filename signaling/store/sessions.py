"""Sessions: each sign-in of a user until it expires or is revoked.

A token carries its session's id.  Whether that is good is one indexed query, never remembered: a revoked session is
refused by every process from then on.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.exc import IntegrityError

from ..errors import StoreError
from ..qss.identifiers import UserId
from .database import AnyRow, Database
from .tables import sessions, users
from .texts import SHOWN, UNFIT, fit, now_ms
from .values import Session

MAX_ID = 64

# Asked twice for every device that connects, hence made once.
ACTIVE: Final = (
    select(sessions.c.id)
    .join(users, users.c.id == sessions.c.user_id)
    .where(
        sessions.c.id == bindparam("session"),
        users.c.disabled.is_(False),
        sessions.c.revoked_ms.is_(None),
        sessions.c.expires_ms > bindparam("now_ms"),
    )
)


class Sessions:
    """The sessions of one database.  Expiries are epoch seconds, as in tokens."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: str, user: UserId, expires_at: float, device_name: str = "") -> Session:
        """A user has signed in.  Raises StoreError if he was removed meanwhile."""
        now = now_ms()
        made = Session(
            id=session,
            user=user,
            device_name=fit(device_name, SHOWN),
            created_ms=now,
            seen_ms=now,
            expires_ms=_ms(expires_at),
            revoked_ms=None,
            serial=0,
        )
        try:
            async with self._database.writing() as connection:
                await connection.execute(sessions.insert().values(_columns(made)))
        except IntegrityError:
            raise StoreError("no such user, or the session exists already") from None
        return made

    async def active(self, session: str) -> bool:
        """Whether a session is known, not expired, not revoked, and its user not disabled."""
        if not _may_exist(session):
            return False
        return await self._database.row(ACTIVE, session=session, now_ms=now_ms()) is not None

    async def by_id(self, session: str) -> Session | None:
        """The session with this id, good or not."""
        if not _may_exist(session):
            return None
        row = await self._database.row(select(sessions).where(sessions.c.id == session))
        return _session(row) if row else None

    async def of_user(self, user: str) -> tuple[Session, ...]:
        """The good sessions of a user, newest first."""
        query = select(sessions).where(sessions.c.user_id == user, *_good())
        rows = await self._database.rows(query.order_by(sessions.c.created_ms.desc(), sessions.c.id))
        return tuple(_session(row) for row in rows)

    async def touch(self, session: str) -> None:
        """It was used now."""
        if _may_exist(session):
            changed = update(sessions).where(sessions.c.id == session).values(seen_ms=now_ms())
            async with self._database.writing() as connection:
                await connection.execute(changed)

    async def rotate(self, session: str, serial: int, expires_at: float) -> int | None:
        """Take the refresh token with this number and give the next number; None if it is not the one that is good.

        Whoever presents the same token a second time gets None, also at the same moment in another process.
        """
        if not _may_exist(session):
            return None
        changed = update(sessions).where(sessions.c.id == session, sessions.c.serial == serial, *_good())
        changed = changed.values(serial=serial + 1, seen_ms=now_ms(), expires_ms=_ms(expires_at))
        async with self._database.writing() as connection:
            return serial + 1 if (await connection.execute(changed)).rowcount else None

    async def revoke(self, session: str) -> UserId | None:
        """End a session; gives its user, or None if it was not good any more."""
        if not _may_exist(session):
            return None
        ended = update(sessions).where(sessions.c.id == session, *_good()).values(revoked_ms=now_ms())
        async with self._database.writing() as connection:
            user: str | None = (await connection.execute(ended.returning(sessions.c.user_id))).scalar()
        return UserId(user) if user else None

    async def revoke_all(self, user: str, *, but: str | None = None) -> tuple[str, ...]:
        """End the sessions of a user, all or all but one; gives the ids of those that it ended."""
        ended = update(sessions).where(sessions.c.user_id == user, *_good())
        if but is not None:
            ended = ended.where(sessions.c.id != but)
        async with self._database.writing() as connection:
            found = await connection.execute(ended.values(revoked_ms=now_ms()).returning(sessions.c.id))
            return tuple(found.scalars())

    async def forget_before(self, ms: int) -> int:
        """Remove what had expired by then; gives how many."""
        async with self._database.writing() as connection:
            return (await connection.execute(delete(sessions).where(sessions.c.expires_ms < ms))).rowcount


def _good() -> tuple[Any, ...]:
    return sessions.c.revoked_ms.is_(None), sessions.c.expires_ms > now_ms()


def _may_exist(session: str) -> bool:
    return 0 < len(session) <= MAX_ID and not UNFIT.search(session)


def _ms(at: float) -> int:
    return int(at * 1000)


def _columns(session: Session) -> dict[str, object]:
    return {
        "id": session.id,
        "user_id": session.user,
        "device_name": session.device_name,
        "created_ms": session.created_ms,
        "seen_ms": session.seen_ms,
        "expires_ms": session.expires_ms,
        "serial": session.serial,
    }


def _session(row: AnyRow) -> Session:
    return Session(
        id=row.id,
        user=UserId(row.user_id),
        device_name=row.device_name,
        created_ms=row.created_ms,
        seen_ms=row.seen_ms,
        expires_ms=row.expires_ms,
        revoked_ms=row.revoked_ms,
        serial=row.serial,
    )
