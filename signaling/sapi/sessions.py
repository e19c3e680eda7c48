"""`/sapi/sessions`: signing in and out.

A sign-in gives an access token, which every process checks by itself, and a refresh token, which is good once: using
it gives the next one.  One that is used again was stolen, or its successor was, so its session ends.
"""

from __future__ import annotations

import time

from msgspec import UNSET, UnsetType

from ..config import DEFAULT_DOMAIN
from ..errors import NotFound, NotSignedIn, SignalingError
from ..qss.identifiers import new_short_id
from ..store import Session, User
from ..store.passwords import PasswordChecks
from .operations import Auth, Call, Operation, Operations
from .parts import Parts
from .rights import acts_on, need_self_or_admin
from .throttle import SignInThrottle
from .wire import DisplayName, EpochMs, Password, Reference, Token, Wire

WRONG_SIGN_IN = "wrong username or password"  # one text, whether the user exists or not
REVOKED = "signed out"  # what the devices of a revoked session are told


class SignIn(Wire, frozen=True, kw_only=True):
    """Who signs in: `name` in the default domain, or `name@domain`."""

    username: Reference
    password: Password
    device_name: DisplayName = ""
    """What the session is listed as."""


class Refresh(Wire, frozen=True, kw_only=True):
    """The newest refresh token of a session."""

    refresh_token: Token


class SignedInSession(Wire, frozen=True, kw_only=True):
    """A session that has just begun or gone on."""

    id: str
    user_id: str
    username: str
    domain: str
    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds that the access token is good for."""


class SessionView(Wire, frozen=True, kw_only=True):
    """A session that is good."""

    id: str
    user_id: str
    device_name: str
    created_at: EpochMs
    seen_at: EpochMs
    expires_at: EpochMs
    current: bool
    """Whether it is the one that asks."""


class SessionList(Wire, frozen=True, kw_only=True):
    """Sessions, the newest first."""

    sessions: tuple[SessionView, ...]


class OfUser(Wire, frozen=True, kw_only=True):
    """Whose sessions."""

    user: Reference | UnsetType = UNSET
    """Another user's, for administrators."""


class SessionsResource:
    """The handlers."""

    def __init__(self, parts: Parts, passwords: PasswordChecks, throttle: SignInThrottle) -> None:
        # Given to us.
        self._parts = parts
        self._passwords = passwords
        self._throttle = throttle

    def operations(self) -> Operations:
        """Their rows."""
        return (
            Operation(
                method="POST",
                path="/sapi/sessions",
                id="signIn",
                summary="Sign in with a password.",
                serve=self._sign_in,
                auth=Auth.NOBODY,
                body=SignIn,
                answer=SignedInSession,
                status=201,
                problems=(401,),
            ),
            Operation(
                method="POST",
                path="/sapi/sessions/refresh",
                id="refreshSession",
                summary="Get new tokens; the refresh token is good once, and using it twice ends the session.",
                serve=self._refresh,
                auth=Auth.NOBODY,
                body=Refresh,
                answer=SignedInSession,
                status=201,
                problems=(401,),
            ),
            Operation(
                method="GET",
                path="/sapi/sessions",
                id="listSessions",
                summary="One's own sessions, or for administrators another user's.",
                serve=self._list,
                query=OfUser,
                answer=SessionList,
                problems=(403, 404),
            ),
            Operation(
                method="DELETE",
                path="/sapi/sessions/{id}",
                id="revokeSession",
                summary="End a session: its tokens are refused and its devices disconnected at once.",
                serve=self._revoke,
                status=204,
            ),
        )

    async def _sign_in(self, call: Call[SignIn, None]) -> SignedInSession:
        try:
            user = await self._proven(call)
        except SignalingError as error:
            self._parts.metrics.sign_in_refused("throttled" if error.code == 429 else "password")
            raise
        now, session = time.time(), new_short_id()
        await self._parts.store.sessions.add(
            session, user.id, now + self._parts.config.refresh_ttl_s, call.body.device_name
        )  # fmt: skip
        await self._parts.note(call, "session.begin", session, user.domain, user=user.id)
        return self._tokens(user, session, serial=0, now=now)

    async def _proven(self, call: Call[SignIn, None]) -> User:
        """The user whose password it is; takes as long for one who does not exist."""
        name = _full(call.body.username)
        self._throttle.begin(name, call.address, time.monotonic())
        found = await self._parts.store.users.password_of(call.body.username)
        right = await self._passwords.check(found[1] if found else None, call.body.password)
        if found is None or not right or found[0].disabled:
            await self._parts.note(call, "session.refused", name, name.rpartition("@")[2])
            raise NotSignedIn(WRONG_SIGN_IN)
        self._throttle.succeeded(name, call.address)
        return found[0]

    async def _refresh(self, call: Call[Refresh, None]) -> SignedInSession:
        now, sessions = time.time(), self._parts.store.sessions
        claims = self._parts.access.check(call.body.refresh_token, now=now, use="refresh")
        user = await self._parts.store.users.by_id(claims.user)
        if user is None or not await sessions.active(claims.session):
            raise NotSignedIn("wrong token")
        serial = await sessions.rotate(claims.session, claims.serial, now + self._parts.config.refresh_ttl_s)
        if serial is None:
            await self._end(call, user, claims.session, "session.token_reused")
            raise NotSignedIn("wrong token")
        return self._tokens(user, claims.session, serial=serial, now=now)

    async def _list(self, call: Call[None, OfUser]) -> SessionList:
        user, asked = call.user, call.query.user
        if not isinstance(asked, UnsetType):
            user = await self._parts.user(asked, call.user)
            need_self_or_admin(call.user, user)
        found = await self._parts.store.sessions.of_user(user.id)
        return SessionList(sessions=tuple(_view(session, call.known.session) for session in found))

    async def _revoke(self, call: Call[None, None]) -> None:
        found = await self._parts.store.sessions.by_id(call.path["id"])
        owner = await self._parts.store.users.by_id(found.user) if found else None
        if found is None or owner is None or not (owner.id == call.user.id or acts_on(call.user, owner.domain)):
            raise NotFound("no such session")
        await self._end(call, owner, found.id, "session.revoke")

    async def _end(self, call: Call[Refresh, None] | Call[None, None], user: User, session: str, action: str) -> None:
        if await self._parts.store.sessions.revoke(session) is None:
            return
        await self._parts.end_sessions(user.id, session, REVOKED)
        await self._parts.note(call, action, session, user.domain, user=user.id)

    def _tokens(self, user: User, session: str, *, serial: int, now: float) -> SignedInSession:
        config, access = self._parts.config, self._parts.access
        return SignedInSession(
            id=session,
            user_id=user.id,
            username=user.name,
            domain=user.domain,
            access_token=access.make(user.id, now=now, ttl_s=config.access_ttl_s, session=session),
            refresh_token=access.make(
                user.id, now=now, ttl_s=config.refresh_ttl_s, session=session, use="refresh", serial=serial
            ),
            expires_in=int(config.access_ttl_s),
        )


def _full(username: str) -> str:
    name, _, domain = username.lower().partition("@")
    return f"{name}@{domain or DEFAULT_DOMAIN}"


def _view(session: Session, current: str) -> SessionView:
    return SessionView(
        id=session.id,
        user_id=session.user,
        device_name=session.device_name,
        created_at=session.created_ms,
        seen_at=session.seen_ms,
        expires_at=session.expires_ms,
        current=session.id == current,
    )
