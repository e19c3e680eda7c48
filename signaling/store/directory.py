"""Whom a call's `to` means: a user or a group, by id or by name.

requests -> **directory** -> users, groups

Asked for every invitation and never remembered, so that a changed permission holds from the next one on, in every
process.
"""

from __future__ import annotations

from .database import Database
from .groups import Groups
from .texts import SHORT_ID
from .users import Users
from .values import Called, Group, User


class Directory:
    """Resolves references."""

    def __init__(self, database: Database) -> None:
        self._users = Users(database)
        self._groups = Groups(database)

    async def resolve(self, reference: str, domain: str) -> Called | None:
        """A user id, a group id, `name@domain`, or a name in the caller's domain: users before groups."""
        if SHORT_ID.fullmatch(reference):
            if user := await self._users.by_id(reference):
                return _one(user)
            if group := await self._groups.by_id(reference):
                return await self._all(group)
        if user := await self._users.by_name(reference, domain):
            return _one(user)
        if named := await self._groups.by_name(reference, domain):
            return await self._all(named)
        return None

    async def _all(self, group: Group) -> Called:
        return Called(group.id, await self._groups.users_of(group.id), is_group=True)


def _one(user: User) -> Called:
    return Called(user.id, (user,), is_group=False)
