"""An OpenID Connect issuer for tests: real keys, served as a JWKS by a real server, and the tokens they sign."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from signaling.config import IssuerConfig

URL = "https://id.example/realm"
AUDIENCE = "tertulia"
MAKERS = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class TestIssuer:
    """Holds keys by id; `away` makes its server answer 503."""

    __test__ = False

    def __init__(self) -> None:
        self.private: dict[str, tuple[str, Any]] = {}
        self.extra: list[dict[str, Any]] = []
        self.asked = 0
        self.away = False
        self.jwks = ""

    def config(self, **changes: Any) -> IssuerConfig:  # noqa: ANN401
        """How signaling is told of it."""
        return IssuerConfig(**{"url": URL, "jwks": self.jwks, "audience": AUDIENCE, "refetch_s": 0.0, **changes})

    def add(self, kid: str, algorithm: str = "ES256") -> None:
        """A new key."""
        self.private[kid] = (algorithm, MAKERS[algorithm]())

    def public(self, kid: str) -> dict[str, Any]:
        """The public half of a key, as published."""
        algorithm, key = self.private[kid]
        jwk = jwt.get_algorithm_by_name(algorithm).to_jwk(key.public_key(), as_dict=True)
        return {**jwk, "kid": kid, "use": "sig", "alg": algorithm}

    def token(self, kid: str, *, headers: dict[str, Any] | None = None, **claims: Any) -> str:  # noqa: ANN401
        """A token that is right but for these claims; None leaves one out."""
        algorithm, key = self.private[kid]
        now = int(time.time())
        right = {
            "iss": URL,
            "aud": AUDIENCE,
            "sub": "subject-1",
            "iat": now,
            "exp": now + 300,
            "sid": "s1",
            "preferred_username": "erin",
            "name": "Erin E.",
        }
        told = {name: value for name, value in {**right, **claims}.items() if value is not None}
        return jwt.encode(told, key, algorithm=algorithm, headers={"kid": kid, **(headers or {})})

    async def serve_keys(self, _request: web.Request) -> web.Response:
        """The JWKS."""
        self.asked += 1
        if self.away:
            return web.Response(status=503)
        return web.Response(
            text=json.dumps({"keys": [*map(self.public, self.private), *self.extra]}), content_type="application/json"
        )


@asynccontextmanager
async def issuing() -> AsyncIterator[TestIssuer]:
    """An issuer that serves its keys on a free port; it begins with the ES256 key `k1`."""
    issuer = TestIssuer()
    issuer.add("k1")
    app = web.Application()
    app.router.add_get("/jwks", issuer.serve_keys)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        issuer.jwks = f"http://127.0.0.1:{runner.addresses[0][1]}/jwks"
        yield issuer
    finally:
        await runner.cleanup()
