"""Passwords: argon2id hashes (RFC 9106), checked in a thread, as long for an unknown user as for a known one."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from ..errors import TooFast

AT_ONCE = 2  # a check takes a core and 64 MiB for some 30 ms; more at once only makes them all slower
WAITING = 64  # beyond, signing in is answered 429

_hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash to keep."""
    return _hasher.hash(password)


def matches(password_hash: str, password: str) -> bool:
    """Whether a password is the one that was hashed."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


@cache
def _nobodys_hash() -> str:
    return hash_password("nobody has this password")


class PasswordChecks:
    """Checks passwords, a few at a time."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0
        _nobodys_hash()  # made before the first sign-in, which must not take longer than the others

    async def hash(self, password: str) -> str:
        """The hash to keep of a new password."""
        async with self._slots:
            return await asyncio.to_thread(hash_password, password)

    async def check(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is right.  Without a hash (no such user) the same work is done, in vain."""
        if self._waiting >= WAITING:
            raise TooFast("too many sign-ins at once")
        self._waiting += 1
        try:
            async with self._slots:
                right = await asyncio.to_thread(matches, password_hash or _nobodys_hash(), password)
        finally:
            self._waiting -= 1
        return right and password_hash is not None
