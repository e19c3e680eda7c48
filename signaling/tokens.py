"""Room tokens and access tokens: both derived from one server secret, so that nothing worth stealing is stored.

A room token is the first 128 bits of an HMAC over room, user and grant serial: it can be given out again at any
time, after a restart too, and a new serial makes the old one worthless.  Nodes get its SHA-256 only.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import jwt

from .errors import NotSignedIn, SecretGone
from .qss.identifiers import RoomId, UserId

Use = Literal["access", "refresh"]
ALGORITHM = "HS256"  # RFC 7518 §3.2

# The times are ours to check, against the `now` that we are given.
_OPTIONS: Final[Any] = {"require": ["sub", "exp", "sid", "use"], "verify_exp": False, "verify_iat": False}


class RoomTokens:
    """Makes the token of a user in a room.

    There may be several secrets: new rooms take the first, and a room keeps to the one that it began with, so that a
    secret can be replaced without ending a call.  A key is what a secret is called in public.
    """

    def __init__(self, *secrets: bytes) -> None:
        derived = [_derived(secret, b"room token") for secret in secrets]
        self._keys = {hashlib.sha256(b"name of " + one).hexdigest()[:8]: one for one in derived}
        self.newest = next(iter(self._keys))

    def knows(self, key: str) -> bool:
        """Whether we have the secret of this name."""
        return not key or key in self._keys

    def token(self, room: RoomId, user: UserId, serial: int, key: str = "") -> str:
        """32 hex digits that admit `user` to `room` for this grant."""
        secret = self._keys.get(key or self.newest)
        if secret is None:
            raise SecretGone
        text = f"{room}|{user}|{serial}".encode()
        return hmac.digest(secret, text, "sha256")[:16].hex()

    def digest(self, room: RoomId, user: UserId, serial: int, key: str = "") -> str:
        """What the node is told: SHA-256 (hex) of the token's text."""
        return hashlib.sha256(self.token(room, user, serial, key).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Claims:
    """What a signed-in user's token says."""

    user: UserId
    session: str
    serial: int = 0
    """Of a refresh token: which one of its session it is."""


class AccessTokens:
    """Makes and checks the bearer tokens of users (JWT, RFC 7519): made with the first secret, checked with each."""

    def __init__(self, secrets: Sequence[bytes]) -> None:
        self._keys = tuple(_derived(secret, b"access token") for secret in secrets)

    def make(
        self, user: UserId, *, now: float, ttl_s: float, session: str, use: Use = "access", serial: int = 0
    ) -> str:
        """A token for `user`; `now` in epoch seconds."""
        claims = {
            "sub": user,
            "sid": session,
            "use": use,
            "ser": serial,
            "iat": int(now),
            "exp": int(now + ttl_s),
        }
        return jwt.encode(claims, self._keys[0], algorithm=ALGORITHM)

    def check(self, token: str, *, now: float, use: Use = "access") -> Claims:
        """The claims of a token that is ours, of this use, and not expired at `now` (epoch seconds)."""
        claims = self._signed(token)
        if claims["use"] != use or not isinstance(claims["sid"], str):
            raise NotSignedIn("wrong token")
        if not isinstance(claims["exp"], int) or now >= claims["exp"]:
            raise NotSignedIn("expired token")
        serial = claims.get("ser", 0)
        return Claims(UserId(claims["sub"]), claims["sid"], serial if isinstance(serial, int) else -1)

    def _signed(self, token: str) -> dict[str, Any]:
        for key in self._keys:
            with suppress(jwt.InvalidTokenError):
                return jwt.decode(token, key, algorithms=[ALGORITHM], options=_OPTIONS)
        raise NotSignedIn("wrong token")


def _derived(secret: bytes, purpose: bytes) -> bytes:
    return hmac.digest(secret, b"tertulia " + purpose, "sha256")
