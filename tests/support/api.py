"""SAPI for tests: one client a user, real HTTP, answers as (status, body)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from signaling.store import User
from tests.support.signaling import PASSWORD, Server

Json = Any


@dataclass
class Api:
    """SAPI as one user asks it, or nobody."""

    http: aiohttp.ClientSession
    server: Server
    token: str | None = None
    user: User | None = None

    async def by(self, name: str, domain: str = "local", *, admin: bool = False) -> Api:
        """The same as this user, made or found."""
        user = await self.server.user(name, domain, admin=admin)
        return Api(self.http, self.server, self.server.token(user), user)

    def with_token(self, token: str) -> Api:
        """The same with this token."""
        return Api(self.http, self.server, token)

    @property
    def id(self) -> str:
        """The user's id."""
        assert self.user is not None
        return self.user.id

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Json]:  # noqa: ANN401
        """Status and body of one request."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self.http.request(method, f"/sapi{path}", headers=headers, **options) as answer:
            if answer.status >= 400:
                assert answer.content_type == "application/problem+json", await answer.text()
            return answer.status, await answer.json(content_type=None) if await answer.read() else None

    async def get(self, path: str, **query: Any) -> tuple[int, Json]:  # noqa: ANN401
        """GET with a query."""
        return await self.ask("GET", path, params={name: str(value) for name, value in query.items()})

    async def got(self, path: str, **query: Any) -> Json:  # noqa: ANN401
        """The body of a GET that succeeds."""
        status, body = await self.get(path, **query)
        assert status == 200, body
        return body

    async def post(self, path: str, body: object) -> tuple[int, Json]:
        """POST a body."""
        return await self.ask("POST", path, json=body)

    async def patch(self, path: str, body: object) -> tuple[int, Json]:
        """PATCH with a body."""
        return await self.ask("PATCH", path, json=body)

    async def delete(self, path: str) -> tuple[int, Json]:
        """DELETE."""
        return await self.ask("DELETE", path)

    async def sign_in(self, username: str, password: str = PASSWORD, **more: Any) -> tuple[int, Json]:  # noqa: ANN401
        """Sign in with a password."""
        return await self.post("/sessions", {"username": username, "password": password, **more})

    async def signed_in(self, username: str, password: str = PASSWORD) -> Json:
        """The session of a sign-in that succeeds."""
        status, session = await self.sign_in(username, password)
        assert status == 201, session
        return session


@asynccontextmanager
async def asking(server: Server) -> AsyncIterator[Api]:
    """SAPI of a server, as nobody."""
    async with aiohttp.ClientSession(server.url) as http:
        yield Api(http, server)
