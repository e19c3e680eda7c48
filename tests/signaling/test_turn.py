"""The TURN credentials that devices get, at a real coturn: what it takes, what it refuses, and for how long."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
import pytest
from aioice import stun

from signaling.ice import TURN_TTL_S, IceServers
from signaling.qss.frames import IceServer
from signaling.qss.identifiers import UserId
from tests.support.coturn import SECRET, Coturn, refresh, refusal, relay, running_coturn
from tests.support.eventually import eventually

ALICE, BOB = UserId("a" * 24), UserId("b" * 24)
UNAUTHORIZED = 401


@pytest.fixture(scope="module")
def coturn() -> Iterator[Coturn]:
    # Nonces die with the second, as they do within a call that is longer than `--stale-nonce`.
    with running_coturn("--stale-nonce", "1") as server:
        yield server


def credentials(server: Coturn, *, left_s: float = TURN_TTL_S, secret: str = SECRET) -> IceServer:
    """What a device was told of the server when its credentials had `left_s` to live from now."""
    ice = IceServers(turn=(server.url,), turn_secret=secret)
    (told,) = ice.for_user(ALICE, now=time.time() + left_s - TURN_TTL_S)
    return told


async def answer(server: Coturn, told: IceServer) -> int:
    """0 for a relay, else the code of the refusal."""
    try:
        async with relay(server, told):
            return 0
    except stun.TransactionFailed as error:
        return refusal(error)


async def test_a_relay_is_given_for_our_credentials(coturn: Coturn) -> None:
    async with relay(coturn, credentials(coturn)) as client:
        assert client.relayed_address is not None
        assert client.relayed_address[0] == "127.0.0.1"


async def test_expired_credentials_are_refused(coturn: Coturn) -> None:
    assert await answer(coturn, credentials(coturn, left_s=-1)) == UNAUTHORIZED


async def test_credentials_cannot_be_made_longer_or_given_to_others(coturn: Coturn) -> None:
    told = credentials(coturn)
    later = f"{int(time.time()) + 86400}:{ALICE}"
    for username in (later, str(told.username).replace(ALICE, BOB), ALICE, ""):
        assert await answer(coturn, msgspec.structs.replace(told, username=username)) == UNAUTHORIZED
    assert await answer(coturn, msgspec.structs.replace(told, credential="AAAA")) == UNAUTHORIZED


async def test_credentials_of_another_secret_are_refused(coturn: Coturn) -> None:
    assert await answer(coturn, credentials(coturn, secret="another secret")) == UNAUTHORIZED


async def test_a_relay_outlives_the_credentials_it_was_made_with(coturn: Coturn) -> None:
    told = credentials(coturn, left_s=2)
    async with relay(coturn, told) as client:

        async def have_died() -> bool:
            return await answer(coturn, told) == UNAUTHORIZED

        await eventually(have_died, "the credentials die")
        await refresh(client)


async def test_both_secrets_are_taken_while_one_replaces_the_other() -> None:
    with running_coturn("--static-auth-secret", "the new one") as server:
        assert await answer(server, credentials(server)) == 0
        assert await answer(server, credentials(server, secret="the new one")) == 0
