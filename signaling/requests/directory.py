"""Whom `to` means, as requests see it: a user, or a group of users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..store.users import User, Users


@dataclass(frozen=True, slots=True)
class Called:
    """Whom a reference means: one user, or the members of a group."""

    id: str
    users: tuple[User, ...]
    is_group: bool


class Directory(Protocol):
    """Resolves references."""

    async def resolve(self, reference: str, domain: str) -> Called | None:
        """A user id, a group id, `name@domain`, or a name in the caller's domain."""


class UserDirectory:
    """The users of the store."""

    def __init__(self, users: Users) -> None:
        self._users = users

    async def resolve(self, reference: str, domain: str) -> Called | None:
        """The user meant."""
        user = await self._users.resolve(reference, domain)
        return None if user is None else Called(user.id, (user,), is_group=False)
