"""Who a bearer token is: the one check of devices' connections and of SAPI.

gateway, sapi/dispatch -> **identities** -> tokens (ours), issuer (somebody else's) -> store (user, session)

A signature is not enough: the session that the token belongs to must be good in the store, so that revoking it acts
at once in every process.
"""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .config import IssuerConfig
from .errors import ConfigError, NotSignedIn, StoreError
from .issuer import Issuer, Stranger
from .qss.identifiers import UserId
from .store import Store, User

if TYPE_CHECKING:
    from .tokens import AccessTokens


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A user, and the session that speaks for him."""

    user: User
    session: str


class Identities:
    """Checks bearer tokens."""

    def __init__(
        self, *, store: Store, access: AccessTokens, issuer: Issuer | None = None, session_ttl_s: float
    ) -> None:
        # Given to us.
        self._store = store
        self._access = access
        self._issuer = issuer
        self._session_ttl_s = session_ttl_s

    async def check(self, token: str) -> SignedIn:
        """Who this token is; raises NotSignedIn, and IssuerAway when that cannot be told now."""
        now = time.time()
        if self._issuer is not None and self._issuer.may_be_its(token):
            stranger = await self._issuer.check(token, now=now)
            return await self._admitted(stranger, self._issuer.config, now)
        claims = self._access.check(token, now=now)
        return await self._known(claims.user, claims.session)

    async def is_good(self, session: str) -> bool:
        """Whether a session still is."""
        return await self._store.sessions.active(session)

    async def _known(self, user: UserId, session: str) -> SignedIn:
        found = await self._store.users.by_id(user)
        if found is None or not await self._store.sessions.active(session):
            raise NotSignedIn("wrong token")
        return SignedIn(found, session)

    async def _admitted(self, stranger: Stranger, config: IssuerConfig, now: float) -> SignedIn:
        user, session = external_user_id(config.url, stranger.subject), _session_id(config.url, stranger.session)
        if await self._store.users.by_id(user) is None:
            await self._provision(user, stranger, config)
        if await self._store.sessions.by_id(session) is None:
            with suppress(StoreError):  # another of his devices was first
                await self._store.sessions.add(session, user, now + self._session_ttl_s, "external sign-in")
                await self._note("session.begin", session, user, config, user=user)
        return await self._known(user, session)

    async def _provision(self, user: UserId, stranger: Stranger, config: IssuerConfig) -> None:
        """Make the user of a subject; where the name is taken by another, or is none of ours, he gets one of his id."""
        for name in (stranger.name, f"{stranger.name}-{user[:8]}", f"user-{user[:8]}"):
            with suppress(ConfigError, StoreError):
                made = await self._store.users.add(name, config.domain, None, stranger.display_name, user_id=user)
                await self._note("user.add", user, user, config, username=made.name)
                return
            if await self._store.users.by_id(user) is not None:
                return  # his other device was first
        raise NotSignedIn("wrong token")

    async def _note(self, action: str, target: str, actor: UserId, config: IssuerConfig, **detail: str) -> None:
        """Keep in the audit log what the issuer's word has brought about."""
        at_ms, told = time.time_ns() // 1_000_000, {**detail, "issuer": config.url}
        await self._store.audit.add(
            at_ms=at_ms, actor=actor, action=action, target=target, detail=told, domain=config.domain
        )  # fmt: skip


def external_user_id(issuer: str, subject: str) -> UserId:
    """The id of an issuer's subject: the same for ever, whatever he is called, and nobody else's."""
    return UserId(_digest("user", issuer, subject)[:24])


def _session_id(issuer: str, session: str) -> str:
    return _digest("session", issuer, session)[:24]


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
