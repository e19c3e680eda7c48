"""Tokens and ICE credentials: what they are made of, and how long they live."""

from __future__ import annotations

import base64
import hashlib
import hmac

import jwt
import pytest

from signaling.errors import NotSignedIn, SecretGone
from signaling.ice import IceServers
from signaling.qss.identifiers import RoomId, UserId
from signaling.tokens import AccessTokens, RoomTokens

ALICE, BOB = UserId("a" * 24), UserId("b" * 24)
ROOM = RoomId("1" * 64)
SECRET = b"a secret of sixteen bytes or more"


def test_a_room_token_can_be_given_out_again() -> None:
    assert RoomTokens(SECRET).token(ROOM, ALICE, 1) == RoomTokens(SECRET).token(ROOM, ALICE, 1)


def test_room_user_serial_and_secret_make_a_token() -> None:
    made = {
        RoomTokens(SECRET).token(ROOM, ALICE, 1),
        RoomTokens(SECRET).token(ROOM, ALICE, 2),
        RoomTokens(SECRET).token(ROOM, BOB, 1),
        RoomTokens(SECRET).token(RoomId("2" * 64), ALICE, 1),
        RoomTokens(b"another").token(ROOM, ALICE, 1),
    }
    assert len(made) == 5
    assert {len(token) for token in made} == {32}


def test_a_node_is_told_the_sha_256_of_the_tokens_text() -> None:
    tokens = RoomTokens(SECRET)
    text = tokens.token(ROOM, ALICE, 1)
    assert tokens.digest(ROOM, ALICE, 1) == hashlib.sha256(text.encode()).hexdigest()


def test_an_access_token_dies_at_its_time() -> None:
    tokens = AccessTokens((SECRET,))
    token = tokens.make(ALICE, now=1000, ttl_s=60, session="s")
    assert tokens.check(token, now=1059.9).user == ALICE
    with pytest.raises(NotSignedIn, match="expired"):
        tokens.check(token, now=1060)


def test_a_new_first_secret_makes_tokens_and_the_old_ones_still_check() -> None:
    before, after = AccessTokens((SECRET,)), AccessTokens((b"a newer secret of ours", SECRET))
    old, new = (tokens.make(ALICE, now=1000, ttl_s=60, session="s") for tokens in (before, after))
    assert after.check(old, now=1001) == after.check(new, now=1001)
    with pytest.raises(NotSignedIn, match="wrong"):
        before.check(new, now=1001)


def test_an_unsigned_token_is_wrong() -> None:
    claims = {"sub": ALICE, "sid": "s", "use": "access", "exp": 2000}
    unsigned = jwt.encode(claims, "", algorithm="none")
    with pytest.raises(NotSignedIn, match="wrong"):
        AccessTokens((SECRET,)).check(unsigned, now=1000)


@pytest.mark.parametrize("missing", ["sub", "sid", "use", "exp"])
def test_a_token_without_a_claim_is_wrong(missing: str) -> None:
    key = hmac.digest(SECRET, b"tertulia access token", "sha256")
    claims = {"sub": ALICE, "sid": "s", "use": "access", "exp": 2000}
    del claims[missing]
    with pytest.raises(NotSignedIn):
        AccessTokens((SECRET,)).check(jwt.encode(claims, key, algorithm="HS256"), now=1000)


def test_turn_credentials_are_the_hmac_of_expiry_and_user() -> None:
    ice = IceServers(stun=("stun:s",), turn=("turn:t?transport=udp",), turn_secret="shh")
    stun, turn = ice.for_user(ALICE, now=1000.7)
    assert stun.urls == "stun:s"
    assert turn.username == f"1300:{ALICE}"
    digest = hmac.digest(b"shh", f"1300:{ALICE}".encode(), "sha1")
    assert turn.credential == base64.b64encode(digest).decode()


def test_a_room_keeps_to_the_secret_it_began_with() -> None:
    before, after = RoomTokens(SECRET), RoomTokens(b"a newer secret of the server", SECRET)
    assert after.newest != before.newest
    assert after.token(ROOM, ALICE, 1, before.newest) == before.token(ROOM, ALICE, 1)
    assert after.token(ROOM, ALICE, 1, after.newest) != before.token(ROOM, ALICE, 1)


def test_a_room_whose_secret_is_gone_gets_no_tokens() -> None:
    with pytest.raises(SecretGone):
        RoomTokens(b"a newer secret of the server").token(ROOM, ALICE, 1, RoomTokens(SECRET).newest)
