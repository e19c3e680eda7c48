"""What SAPI serves: sessions, users, health (docs/protocol.md, "SAPI")."""

from __future__ import annotations

import time
from typing import Annotated

from aiohttp import web
from msgspec import Meta, Struct, field

from ..config import SignalingConfig
from ..errors import NotFound, NotSignedIn
from ..nodes.link import Nodes
from ..qss.identifiers import new_short_id
from ..state import State
from ..store.passwords import PasswordChecks
from ..store.users import Users
from ..store.values import User
from ..tokens import AccessTokens
from .problems import body_of

WRONG_SIGN_IN = "wrong username or password"  # one text, whether the user exists or not


class SignIn(Struct, frozen=True, kw_only=True):
    """Body of `POST /sapi/sessions`."""

    username: Annotated[str, Meta(min_length=1, max_length=254)]
    password: Annotated[str, Meta(max_length=1024)]


class Refresh(Struct, frozen=True, kw_only=True):
    """Body of `POST /sapi/sessions/refresh`."""

    refresh_token: Annotated[str, Meta(max_length=4096)] = field(name="refreshToken")


class Sapi:
    """The handlers; `routes` names their paths."""

    def __init__(
        self, *, config: SignalingConfig, users: Users, access: AccessTokens, state: State, nodes: Nodes
    ) -> None:
        # Given to us.
        self._config = config
        self._users = users
        self._access = access
        self._state = state
        self._nodes = nodes
        # Ours.
        self._passwords = PasswordChecks()

    def routes(self) -> list[web.AbstractRouteDef]:
        """Paths and their handlers."""
        return [
            web.post("/sapi/sessions", self._sign_in),
            web.post("/sapi/sessions/refresh", self._refresh),
            web.get("/sapi/users", self._list_users),
            web.get("/healthz", self._healthz),
            web.route("*", "/sapi/{path:.*}", self._unknown),
        ]

    async def _sign_in(self, request: web.Request) -> web.Response:
        given = await body_of(request, SignIn)
        found = await self._users.password_of(given.username)
        if not await self._passwords.check(found[1] if found else None, given.password) or found is None:
            raise NotSignedIn(WRONG_SIGN_IN)
        return web.json_response(self._session(found[0], new_short_id()), status=201)

    async def _refresh(self, request: web.Request) -> web.Response:
        given = await body_of(request, Refresh)
        claims = self._access.check(given.refresh_token, now=time.time(), use="refresh")
        user = await self._users.by_id(claims.user)
        if user is None:
            raise NotSignedIn("wrong token")
        return web.json_response(self._session(user, claims.session), status=201)

    def _session(self, user: User, session: str) -> dict[str, object]:
        now = time.time()
        access_s, refresh_s = self._config.access_ttl_s, self._config.refresh_ttl_s
        return {
            "id": session,
            "userId": user.id,
            "username": user.name,
            "domain": user.domain,
            "accessToken": self._access.make(user.id, now=now, ttl_s=access_s, session=session),
            "refreshToken": self._access.make(user.id, now=now, ttl_s=refresh_s, use="refresh", session=session),
            "expiresIn": int(access_s),
        }

    async def _list_users(self, request: web.Request) -> web.Response:
        caller = await self._caller(request)
        listed = [await self._listed(user) for user in await self._users.of_domain(caller.domain)]
        return web.json_response({"users": listed})

    async def _listed(self, user: User) -> dict[str, object]:
        return {
            "id": user.id,
            "username": user.name,
            "domain": user.domain,
            "displayName": user.display_name,
            "online": bool(await self._state.devices.of(user.id)),
        }

    async def _caller(self, request: web.Request) -> User:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotSignedIn
        claims = self._access.check(token.strip(), now=time.time())
        user = await self._users.by_id(claims.user)
        if user is None:
            raise NotSignedIn("wrong token")
        return user

    async def _unknown(self, request: web.Request) -> web.Response:
        raise NotFound(f"nothing at {request.method} {request.path}")

    async def _healthz(self, _request: web.Request) -> web.Response:
        present = sum(node.socket is not None for node in await self._nodes.all())
        return web.json_response({"status": "ok", "nodes": present, "rooms": await self._state.rooms.count()})
