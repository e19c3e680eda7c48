"""The accounts of a run's participants: found or made, signed in, and removed again.

cli -> **users** -> SAPI -> access tokens -> front_door

Names are load-0001 and so on.  All have one password, new at each run, which an administrator's token sets.  Hashing
it is slow on purpose (about 30 ms of a core each time, two at once), so this is done before the first join, at the
pace that the server gives; `--users FILE` with ready tokens needs none of it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from agents.errors import ConfigError, SignInError

AT_ONCE: Final = 4
TRIES: Final = 30
WAIT_S: Final = 1.0
MOST_WAIT_S: Final = 10.0
TIMEOUT: Final = aiohttp.ClientTimeout(total=60)
PAGE: Final = 1_000
PREFIX: Final = "load-"

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class LoadUser:
    """Who a participant is."""

    name: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admin:
    """Who may make users: a token, or a name and a password."""

    token: str | None = None
    user: str | None = None
    password: str | None = None


def read_users(path: Path) -> tuple[LoadUser, ...]:
    """Users from a file: a name and its access token a line."""
    try:
        lines = path.read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or 'is not text'}") from None
    users = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if len(words) not in (0, 2):
            raise ConfigError(f"{path} line {number}: has to be a name and an access token")
        users += [LoadUser(*words)] if words else []
    if not users:
        raise ConfigError(f"{path}: names no user")
    return tuple(users)


class LoadUsers:
    """Users made for a run.  Owns them until `remove`."""

    def __init__(self, http: aiohttp.ClientSession, url: str, admin: Admin, progress: Progress) -> None:
        # Given to us.
        self._http = http
        self._url = url.rstrip("/")
        self._admin = admin
        self._progress = progress
        # Ours.
        self._token: str | None = None
        self._password = secrets.token_urlsafe(24)
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._known: dict[str, str] = {}
        self._used: list[str] = []
        self._signed_in: list[LoadUser] = []

    async def sign_in(self, count: int) -> tuple[LoadUser, ...]:
        """So many users, signed in; those of an earlier call come first.  SignInError says what does not work."""
        if self._token is None:
            self._token = self._admin.token or await self._session(self._admin.user or "", self._admin.password or "")
            self._known = await self._find()
        missing = [f"{PREFIX}{number:04d}" for number in range(len(self._signed_in) + 1, count + 1)]
        signing = [asyncio.ensure_future(self._one(name, count)) for name in missing]
        try:
            self._signed_in += await asyncio.gather(*signing)
        finally:
            for task in signing:
                task.cancel()
            await asyncio.gather(*signing, return_exceptions=True)
        return tuple(self._signed_in)

    async def remove(self) -> None:
        """Remove the users of this run; what cannot be removed is left."""
        await asyncio.gather(*map(self._remove, self._used), return_exceptions=True)
        self._used.clear()

    async def _one(self, name: str, count: int) -> LoadUser:
        async with self._slots:
            await self._make(name)
            user = LoadUser(name, await self._session(name, self._password))
        self._progress(f"signed in {len(self._used)} of {count} users")
        return user

    async def _find(self) -> dict[str, str]:
        found: dict[str, str] = {}
        after = ""
        while True:
            place = {"after": after} if after else {}
            page = await self._ask("GET", "/sapi/users", params={"query": PREFIX, "limit": str(PAGE), **place})
            found |= {str(user["username"]): str(user["id"]) for user in page.get("users", [])}
            after = str(page.get("next") or "")
            if not after:
                return found

    async def _make(self, name: str) -> None:
        """A user with our password: made, or an earlier run's given it."""
        if name in self._known:
            await self._ask("PATCH", f"/sapi/users/{self._known[name]}", json={"password": self._password})
        else:
            made = await self._ask("POST", "/sapi/users", json={"username": name, "password": self._password})
            self._known[name] = str(made.get("id"))
        self._used.append(name)

    async def _remove(self, name: str) -> None:
        async with self._slots:
            await self._ask("DELETE", f"/sapi/users/{self._known[name]}")

    async def _session(self, user: str, password: str) -> str:
        body = {"username": user, "password": password, "deviceName": "load"}
        session = await self._ask("POST", "/sapi/sessions", json=body)
        token = session.get("accessToken")
        if not isinstance(token, str):
            raise SignInError(f"{self._url} answered a sign-in without a token")
        return token

    async def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - aiohttp's options
        """One request, again after the time that the server asks for where it is too fast for it."""
        wait = WAIT_S
        for _ in range(TRIES):
            status, body, after = await self._once(method, path, **options)
            if status < 400:
                return body
            if status != 429:
                raise SignInError(f"{self._url}{path} answered {status}: {body.get('detail') or body.get('title')}")
            await asyncio.sleep(min(MOST_WAIT_S, after or wait))
            wait *= 1.5
        raise SignInError(f"{self._url}{path} goes on answering 429; raise its rates: --rate sapi_per_s=1000")

    async def _once(
        self,
        method: str,
        path: str,
        **options: Any,  # noqa: ANN401
    ) -> tuple[int, dict[str, Any], float | None]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with self._http.request(
                method, self._url + path, headers=headers, timeout=TIMEOUT, **options
            ) as answer:
                body = await answer.json(content_type=None) if await answer.read() else {}
                after = answer.headers.get("Retry-After", "")
                return answer.status, body if isinstance(body, dict) else {}, float(after) if after.isdigit() else None
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise SignInError(f"signaling at {self._url} cannot be reached: {why}") from None
