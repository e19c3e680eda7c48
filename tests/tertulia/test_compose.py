"""docker/compose.yaml's TURN server: its own options, given to a real coturn."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from aioice import stun

from signaling.ice import IceServers
from signaling.qss.frames import IceServer
from signaling.qss.identifiers import UserId
from tests.support.coturn import SECRET, Coturn, refusal, relay, serving

COMPOSE = (Path(__file__).parents[2] / "docker" / "compose.yaml").read_text()
ADDRESS = "10.20.30.40"  # private: of a deployment that is reached from within a network only
FORBIDDEN = 403


def options_of_coturn() -> list[str]:
    """What compose starts turnserver with, in the words of the shell that it uses."""
    (command,) = re.findall(r"exec turnserver (.*?)\n    environment:", COMPOSE, re.DOTALL)
    command = command.replace("$$ADDRESS", ADDRESS).replace("$$(cat /run/secrets/turn-secret)", SECRET)
    assert "$" not in command
    return shlex.split(command)


@pytest.fixture(scope="module")
def coturn() -> Iterator[Coturn]:
    options = options_of_coturn()
    for setting in ("--listening-port", "--log-file", "--proc-user", "--proc-group"):  # of the container
        del options[(at := options.index(setting)) : at + 2]
    with serving(*options) as server:
        yield server


def credentials(server: Coturn) -> IceServer:
    (told,) = IceServers(turn=(server.url,), turn_secret=SECRET).for_user(UserId("a" * 24), time.time())
    return told


async def test_it_takes_the_credentials_of_signaling(coturn: Coturn) -> None:
    async with relay(coturn, credentials(coturn)) as client:
        assert client.relayed_address is not None
        assert client.relayed_address[0] == ADDRESS
        assert client.relayed_address[1] in range(49160, 49960)


@pytest.mark.parametrize("peer", [ADDRESS, "203.0.113.9"])
async def test_its_relays_reach_the_node_and_the_world(coturn: Coturn, peer: str) -> None:
    async with relay(coturn, credentials(coturn)) as client:
        await client.channel_bind(0x4000, (peer, 40000))


@pytest.mark.parametrize(
    "peer",
    ["127.0.0.1", "10.20.30.41", "172.17.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"],
)
async def test_its_relays_are_no_way_into_the_network(coturn: Coturn, peer: str) -> None:
    async with relay(coturn, credentials(coturn)) as client:
        with pytest.raises(stun.TransactionFailed) as refused:
            await client.channel_bind(0x4000, (peer, 40000))
        assert refusal(refused.value) == FORBIDDEN


def test_signaling_and_coturn_share_the_secret_and_the_port() -> None:
    options = options_of_coturn()
    assert f"--turn turn:$$ADDRESS:{options[options.index('--listening-port') + 1]}?transport=udp" in COMPOSE
    assert "--turn-secret-file /run/secrets/turn-secret" in COMPOSE
    assert options[options.index("--static-auth-secret") + 1] == SECRET
    assert "--use-auth-secret" in options
