"""What one user or address may ask, on virtual time; and over real sockets, that it is asked at all."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from signaling.addresses import client_address, networks
from signaling.errors import ConfigError, TooFast
from signaling.limits import Limits, RingLimits, network_of
from signaling.qss.identifiers import UserId
from signaling.rates import Rates
from tests.support.lines import TRANSPORTS, Transport
from tests.support.signaling import Server, running

ALICE, BOB, CAROL = UserId("a" * 24), UserId("b" * 24), UserId("c" * 24)


def _rings(limits: RingLimits, invitee: UserId, now: float, tries: int) -> int:
    rung = 0
    for _ in range(tries):
        try:
            limits.take(ALICE, [invitee], now)
        except TooFast:
            continue
        rung += 1
    return rung


def test_one_user_is_rung_by_another_only_so_often_from_however_many_rooms() -> None:
    limits = RingLimits(Rates())
    assert _rings(limits, BOB, 0, 15) == 5
    assert _rings(limits, BOB, 60, 15) == 5
    assert _rings(limits, CAROL, 60, 3) == 3


def test_a_user_rings_only_so_many_others() -> None:
    limits = RingLimits(Rates())
    others = [UserId(f"{n:024x}") for n in range(50)]
    assert sum(_rings(limits, other, 0, 1) for other in others) == 20
    assert sum(_rings(limits, other, 30, 1) for other in others) == 20


def test_a_group_counts_as_one_invitation_and_for_each_of_its_members() -> None:
    limits = RingLimits(Rates())
    for _ in range(5):
        limits.take(ALICE, [BOB, CAROL], 0)
    with pytest.raises(TooFast):
        limits.take(ALICE, [CAROL], 0)


def test_wrong_tokens_cost_the_address_and_nobody_else() -> None:
    limits = Limits(Rates(refusals_burst=3, refusals_per_min=60))
    for _ in range(3):
        assert limits.may_sign_in("192.0.2.1", 0)
        limits.failed("192.0.2.1", 0)
    assert not limits.may_sign_in("192.0.2.1", 0)
    assert not limits.may_connect("192.0.2.1", 0)
    assert limits.may_connect("192.0.2.2", 0)
    assert limits.may_sign_in("192.0.2.1", 1)


def test_an_address_opens_only_so_many_connections() -> None:
    limits = Limits(Rates(connects_per_s=10, connects_burst=4))
    assert sum(limits.may_connect("192.0.2.1", 0) for _ in range(9)) == 4
    assert sum(limits.may_connect("192.0.2.1", 0.2) for _ in range(9)) == 2


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        ("unix", "unix"),
    ],
)
def test_what_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("peer", "told", "address"),
    [
        ("198.51.100.1", [], "198.51.100.1"),
        ("198.51.100.1", ["192.0.2.1"], "198.51.100.1"),  # a stranger's own words
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["203.0.113.9", "192.0.2.1", "10.0.0.2"], "192.0.2.1"),
        ("::ffff:10.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", ["nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["192.0.2.1", ""], "10.0.0.1"),
    ],
)
def test_forwarded_addresses_are_believed_of_our_proxies_only(peer: str, told: list[str], address: str) -> None:
    assert client_address(peer, told, networks(["10.0.0.0/8"], "--trust-proxy")) == address


def test_a_wrong_network_is_named() -> None:
    with pytest.raises(ConfigError, match=r"--trust-proxy: '10\.0\.0\.0/99'"):
        networks(["10.0.0.0/99"], "--trust-proxy")


# --- over real sockets -----------------------------------------------------------------------------------------------


async def _open(server: Server, transport: Transport, forwarded: str = "") -> int:
    """The status that an opening connection gets: 101, or its refusal."""
    path = "socket.io/?EIO=4&transport=websocket" if transport == "socket.io" else "ws"
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    try:
        async with aiohttp.ClientSession() as http, http.ws_connect(f"{server.url}/{path}", headers=headers):
            return 101
    except aiohttp.WSServerHandshakeError as refusal:
        return refusal.status


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_too_many_connections_of_an_address_are_429(tmp_path: Path, transport: Transport) -> None:
    async with running(tmp_path, rates=Rates(connects_per_s=0.01, connects_burst=3)) as server:
        assert [await _open(server, transport) for _ in range(4)] == [101, 101, 101, 429]


async def test_behind_a_proxy_of_ours_each_client_counts_for_himself(tmp_path: Path) -> None:
    trusted = networks(["127.0.0.1"], "--trust-proxy")
    async with running(tmp_path, rates=Rates(connects_per_s=0.01, connects_burst=1), trust_proxy=trusted) as server:
        assert [await _open(server, "websocket", f"192.0.2.{n}") for n in (1, 2, 1)] == [101, 101, 429]


async def test_without_a_trusted_proxy_the_header_is_anybodys_word(tmp_path: Path) -> None:
    async with running(tmp_path, rates=Rates(connects_per_s=0.01, connects_burst=1)) as server:
        assert [await _open(server, "websocket", f"192.0.2.{n}") for n in (1, 2)] == [101, 429]


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_after_too_many_wrong_tokens_an_address_waits(tmp_path: Path, transport: Transport) -> None:
    async with (
        running(tmp_path, rates=Rates(refusals_per_min=0.01, refusals_burst=2)) as server,
        aiohttp.ClientSession() as http,
    ):
        for _ in range(2):
            socket = await http.ws_connect(f"{server.url}/ws")
            await socket.send_str('{"token": "wrong"}')
            assert (await socket.receive(timeout=5)).data == 4401
        assert await _open(server, transport) == 429


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_users_devices_share_a_rate(tmp_path: Path, transport: Transport) -> None:
    async with running(tmp_path, transport, rates=Rates(user_frames_per_s=0.01, user_frames_burst=10)) as server:
        devices = [await server.device("alice"), await server.device("alice")]
        codes = [(await devices[n % 2].ask("joinRoom", payload={"room": "none"}))["error"] for n in range(12)]
        assert codes == [404] * 10 + [429] * 2
        bob = await server.device("bob")
        assert (await bob.ask("joinRoom", payload={"room": "none"}))["error"] == 404


async def test_ringing_one_user_from_many_rooms_is_429_and_he_is_rung_no_more(tmp_path: Path) -> None:
    async with running(tmp_path, rates=Rates(rings_of_one_burst=2, rings_of_one_per_min=0.01)) as server:
        await server.node()
        alice, bob = await server.device("alice"), await server.device("bob")
        for n in range(2):
            await alice.invite("bob", (await alice.room())["room"], f"i{n}")
            await bob.ring()
        answer = await alice.ask("invitation", "i2", to="bob", payload={"room": (await alice.room())["room"]})
        assert (answer["answer"], answer["error"]) == ("invitation", 429)
        assert sum(f.get("request") == "invitation" for f in await bob.settled()) == 2
