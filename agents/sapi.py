"""Signing in: SAPI over HTTP.

**sapi** → access token → qss_client

Owns the account's tokens and renews them before they run out.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from agents.errors import SignInError

TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
RENEW_BEFORE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are."""

    user_id: str
    username: str


class Sapi:
    """One account at one signaling server."""

    def __init__(self, url: str, *, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._refresh: str | None = None
        self._expires_at = float("inf")
        self._http: aiohttp.ClientSession | None = None
        self._renewing = asyncio.Lock()

    async def sign_in(self, user: str, password: str) -> Account:
        """Name and password against tokens."""
        session = await self._ask("POST", "/sapi/sessions", {"username": user, "password": password})
        self._take(session)
        return Account(str(session.get("userId", "")), str(session.get("username", user)))

    async def token(self) -> str:
        """An access token that is still good."""
        async with self._renewing:
            if self._refresh and asyncio.get_running_loop().time() > self._expires_at - RENEW_BEFORE_S:
                self._take(await self._ask("POST", "/sapi/sessions/refresh", {"refreshToken": self._refresh}))
        if self._token is None:
            raise SignInError("neither a password nor a token was given")
        return self._token

    async def names(self) -> dict[str, str]:
        """Names of the users of our domain, by id."""
        users = (await self._ask("GET", "/sapi/users")).get("users", [])
        return {str(user["id"]): str(user["username"]) for user in users if "id" in user and "username" in user}

    async def close(self) -> None:
        """Give the connection back; again is harmless."""
        if self._http is not None:
            await self._http.close()
            self._http = None

    def _take(self, session: dict[str, Any]) -> None:
        token = session.get("accessToken")
        if not isinstance(token, str):
            raise SignInError(f"{self._url} answered a sign-in without a token")
        self._token = token
        self._refresh = session.get("refreshToken", self._refresh)
        self._expires_at = asyncio.get_running_loop().time() + float(session.get("expiresIn") or 3600)

    async def _ask(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=TIMEOUT)
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        try:
            async with self._http.request(method, self._url + path, json=body, headers=headers) as response:
                return await self._read(response, path)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            why = str(error) or type(error).__name__
            raise SignInError(f"signaling at {self._url} cannot be reached: {why}") from None

    async def _read(self, response: aiohttp.ClientResponse, path: str) -> dict[str, Any]:
        if response.status in (401, 403):
            raise SignInError(f"signaling at {self._url} does not accept this user and password")
        body = await response.json(content_type=None) if response.content_length != 0 else {}
        if response.status >= 400:
            why = body.get("detail") or body.get("title") if isinstance(body, dict) else None
            raise SignInError(f"{self._url}{path} answered {response.status}{f': {why}' if why else ''}")
        if not isinstance(body, dict):
            raise SignInError(f"{self._url}{path} answered something that is no object")
        return body


def subject(token: str) -> str | None:
    """The user id that a token claims (JWT `sub`, RFC 7519); for display, not for trust."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=="))
    except (binascii.Error, ValueError):
        return None
    return claims.get("sub") if isinstance(claims, dict) and isinstance(claims.get("sub"), str) else None
