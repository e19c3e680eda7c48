"""Tokens of an external issuer: which are believed, with which keys, and what happens while the keys cannot be had."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from signaling.errors import IssuerAway, NotSignedIn
from signaling.issuer import KEYS_LIVE_S, Issuer
from tests.support.issuer import TestIssuer, issuing


@pytest.fixture
async def theirs() -> AsyncIterator[TestIssuer]:
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
async def issuer(theirs: TestIssuer) -> AsyncIterator[Issuer]:
    made = Issuer(theirs.config())
    yield made
    await made.close()


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_right_token_says_who_it_is(issuer: Issuer, theirs: TestIssuer, algorithm: str) -> None:
    theirs.add("k2", algorithm)
    token = theirs.token("k2")
    assert issuer.may_be_its(token)
    stranger = await issuer.check(token, now=time.time())
    assert (stranger.subject, stranger.name, stranger.display_name, stranger.session) == (
        "subject-1",
        "erin",
        "Erin E.",
        "s1",
    )


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another product"},
        {"aud": None},
        {"sub": None},
        {"sub": ""},
        {"exp": None},
        {"exp": 1000},
        {"exp": "soon"},
        {"nbf": 99_999_999_999},
        {"nbf": "later"},
    ],
)
async def test_a_token_with_a_wrong_claim_is_refused(
    issuer: Issuer, theirs: TestIssuer, claims: dict[str, Any]
) -> None:
    good = theirs.token("k1")
    await issuer.check(good, now=time.time())
    token = theirs.token("k1", **{k: v for k, v in claims.items() if not (k in ("exp", "nbf") and isinstance(v, str))})
    if any(isinstance(claims.get(name), str) for name in ("exp", "nbf")):
        token = _signed_by_hand(theirs, claims)
    with pytest.raises(NotSignedIn):
        await issuer.check(token, now=time.time())


def _signed_by_hand(theirs: TestIssuer, claims: dict[str, Any]) -> str:
    """PyJWT refuses to make tokens with such times; others may not."""
    algorithm, key = theirs.private["k1"]
    told = jwt.decode(theirs.token("k1"), options={"verify_signature": False}) | claims
    parts = [json.dumps({"alg": algorithm, "kid": "k1"}), json.dumps(told)]
    signed = b".".join(_base64(part.encode()) for part in parts)
    return (signed + b"." + _base64(jwt.get_algorithm_by_name(algorithm).sign(signed, key))).decode()


def _base64(data: bytes) -> bytes:
    return urlsafe_b64encode(data).rstrip(b"=")


async def test_a_public_key_is_no_shared_secret(issuer: Issuer, theirs: TestIssuer) -> None:
    theirs.add("rsa", "RS256")
    pem = theirs.private["rsa"][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    claims = _base64(json.dumps(jwt.decode(theirs.token("rsa"), options={"verify_signature": False})).encode())
    signed = _base64(b'{"alg":"HS256","kid":"rsa"}') + b"." + claims
    forged = (signed + b"." + _base64(hmac.digest(pem, signed, hashlib.sha256))).decode()
    assert not issuer.may_be_its(forged)
    with pytest.raises(NotSignedIn):
        await issuer.check(forged, now=time.time())


async def test_an_unsigned_token_and_a_secret_key_in_the_jwks_are_refused(issuer: Issuer, theirs: TestIssuer) -> None:
    theirs.extra.append({"kty": "oct", "kid": "shared", "alg": "HS256", "k": _base64(b"x" * 32).decode()})
    claims = jwt.decode(theirs.token("k1"), options={"verify_signature": False})
    shared = jwt.encode(claims, b"x" * 32, algorithm="HS256", headers={"kid": "shared"})
    unsigned = jwt.encode(claims, "", algorithm="none", headers={"kid": "k1"})
    for token in (shared, unsigned, "", "a.b.c", "x" * 20_000):
        assert not issuer.may_be_its(token)
        with pytest.raises(NotSignedIn):
            await issuer.check(token, now=time.time())


async def test_a_token_names_an_algorithm_that_its_key_is_not_for(issuer: Issuer, theirs: TestIssuer) -> None:
    theirs.add("rsa", "RS256")
    with pytest.raises(NotSignedIn):
        await issuer.check(theirs.token("rsa", headers={"kid": "k1"}), now=time.time())


async def test_a_rotated_key_is_fetched_when_it_is_first_seen(issuer: Issuer, theirs: TestIssuer) -> None:
    await issuer.check(theirs.token("k1"), now=time.time())
    theirs.add("k2")
    await issuer.check(theirs.token("k2"), now=time.time())
    await issuer.check(theirs.token("k2"), now=time.time())
    assert theirs.asked == 2


async def test_made_up_key_ids_do_not_make_us_ask_more_often(theirs: TestIssuer) -> None:
    issuer = Issuer(theirs.config(refetch_s=60.0))
    for kid in ("a", "b", "c"):
        with pytest.raises(NotSignedIn):
            await issuer.check(theirs.token("k1", headers={"kid": kid}), now=time.time())
    assert theirs.asked == 1
    await issuer.close()


async def test_a_key_that_the_issuer_withdraws_is_good_for_ten_minutes_at_most(
    issuer: Issuer, theirs: TestIssuer
) -> None:
    token = theirs.token("k1")
    await issuer.check(token, now=time.time())
    del theirs.private["k1"]
    theirs.add("k2")
    await issuer.check(token, now=time.time())
    assert issuer._fetched_at is not None
    issuer._fetched_at -= KEYS_LIVE_S + 1
    with pytest.raises(NotSignedIn):
        await issuer.check(token, now=time.time())


async def test_while_the_issuer_is_away_known_keys_go_on_and_without_keys_it_is_503(theirs: TestIssuer) -> None:
    issuer, late = Issuer(theirs.config()), Issuer(theirs.config())
    await issuer.check(theirs.token("k1"), now=time.time())
    theirs.away = True
    assert issuer._fetched_at is not None
    issuer._fetched_at -= KEYS_LIVE_S + 1
    await issuer.check(theirs.token("k1"), now=time.time())
    with pytest.raises(IssuerAway):
        await late.check(theirs.token("k1"), now=time.time())
    theirs.away = False
    await late.check(theirs.token("k1"), now=time.time())
    await issuer.close()
    await late.close()
