"""Tokens of an external issuer (OpenID Connect): checked with the public keys that it publishes as a JWKS.

identities -> **issuer** -> the issuer's JWKS over HTTP

Only signatures with a private key count (`ALGORITHMS`): a token that names another algorithm, or whose key is of
another kind, is refused, so that nobody signs with a public key or with none.  Keys are fetched when they are first
needed, again after `KEYS_LIVE_S`, and for a key that is not known yet, but at most every `refetch_s`: strangers who
make up key ids cannot make us ask more often.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import jwt

from common.log import FieldLog

from .config import IssuerConfig
from .errors import IssuerAway, NotSignedIn

ALGORITHMS: Final = ("RS256", "ES256", "EdDSA")  # RFC 7518 §3.1, RFC 8037 §3.1
KEYS_LIVE_S = 600.0  # a key that the issuer withdraws is good for so long
FETCH_WITHIN_S = 5.0
JWKS_BYTES = 262_144
LEEWAY_S = 10.0  # between the issuer's clock and ours
TOKEN_BYTES = 16_384

# Times are checked here, against the `now` that we are given.
_OPTIONS: Final[Any] = {
    "require": ["sub", "iss", "aud", "exp"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}

log = FieldLog(__name__)


@dataclass(frozen=True, slots=True)
class Stranger:
    """Whom the issuer says a token is."""

    subject: str
    name: str
    display_name: str
    session: str


class Issuer:
    """Checks the tokens of one issuer.  `close` after use."""

    def __init__(self, config: IssuerConfig) -> None:
        self.config = config
        # Ours.
        self._keys: dict[str | None, jwt.PyJWK] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetching = asyncio.Lock()
        self._http: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connection to the issuer."""
        if self._http is not None:
            await self._http.close()

    @staticmethod
    def may_be_its(token: str) -> bool:
        """Whether a token claims to be signed with a private key, as ours never are."""
        return _header(token).get("alg") in ALGORITHMS

    async def check(self, token: str, *, now: float) -> Stranger:
        """Whose token it is at `now` (epoch seconds); raises NotSignedIn and IssuerAway."""
        key = await self._key(_header(token).get("kid"))
        try:
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                audience=self.config.audience,
                issuer=self.config.url,
                options=_OPTIONS,
            )
        except (jwt.InvalidTokenError, TypeError, ValueError):
            raise NotSignedIn("wrong token") from None
        _check_times(claims, now)
        return _stranger(claims, self.config.claim)

    async def _key(self, kid: object) -> jwt.PyJWK:
        wanted = kid if isinstance(kid, str) else None
        if self._stale():
            await self._refetch()
        if wanted not in self._keys:
            await self._refetch()
        if wanted in self._keys:
            return self._keys[wanted]
        if self._fetched_at is None:
            raise IssuerAway
        raise NotSignedIn("wrong token")

    def _stale(self) -> bool:
        return self._fetched_at is None or time.monotonic() - self._fetched_at > KEYS_LIVE_S

    async def _refetch(self) -> None:
        """Get the keys, unless that was tried a moment ago.  What was known stays while the issuer is away."""
        async with self._fetching:
            now = time.monotonic()
            if self._tried_at is not None and now - self._tried_at < self.config.refetch_s:
                return
            self._tried_at = now
            try:
                self._keys = _keys_of(await self._fetch())
            except (aiohttp.ClientError, TimeoutError, ValueError, jwt.PyJWKSetError) as error:
                log.warning("issuer_keys_not_fetched", url=self.config.jwks, reason=str(error) or type(error).__name__)
            else:
                self._fetched_at = now

    async def _fetch(self) -> bytes:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FETCH_WITHIN_S))
        async with self._http.get(self.config.jwks, allow_redirects=False) as answer:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            text = b""
            async for part in answer.content.iter_any():
                text += part
                if len(text) > JWKS_BYTES:
                    raise ValueError(f"more than {JWKS_BYTES} bytes")
            return text


def _keys_of(text: bytes) -> dict[str | None, jwt.PyJWK]:
    """The signing keys of a JWKS by id; those of other kinds are left out, above all shared secrets."""
    usable = (key for key in jwt.PyJWKSet.from_json(text.decode()).keys if key.algorithm_name in ALGORITHMS)
    keys: dict[str | None, jwt.PyJWK] = {key.key_id: key for key in usable if key.public_key_use in (None, "sig")}
    if len(keys) == 1:
        keys[None] = next(iter(keys.values()))  # a lone key needs no name
    return keys


def _header(token: str) -> dict[str, Any]:
    if len(token) > TOKEN_BYTES:
        return {}
    try:
        return jwt.get_unverified_header(token)
    except (jwt.InvalidTokenError, ValueError):
        return {}


def _check_times(claims: dict[str, Any], now: float) -> None:
    exp, nbf = claims["exp"], claims.get("nbf", 0)
    if not all(isinstance(at, int | float) for at in (exp, nbf)):
        raise NotSignedIn("wrong token")
    if now >= exp + LEEWAY_S:
        raise NotSignedIn("expired token")
    if now < nbf - LEEWAY_S:
        raise NotSignedIn("token is not good yet")


def _stranger(claims: dict[str, Any], claim: str) -> Stranger:
    subject, name, shown = claims["sub"], claims.get(claim), claims.get("name")
    session = claims.get("sid") or claims.get("jti") or f"{subject} {claims.get('iat')}"
    if not isinstance(subject, str) or not subject:
        raise NotSignedIn("wrong token")
    return Stranger(
        subject=subject,
        name=name if isinstance(name, str) else subject,
        display_name=shown[:128] if isinstance(shown, str) else "",
        session=str(session),
    )
