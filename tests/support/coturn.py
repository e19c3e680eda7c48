"""A throw-away coturn: Debian's `turnserver` on a free port, with what it writes in a directory that is thrown away.

`relay` is a client of it: aioice's, which the agents' peer connections use too.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest
from aioice import stun, turn

from signaling.qss.frames import IceServer
from tests.support.ports import free_tcp_port

START_S = 10.0
SECRET = "a secret for relays"
REALM = "tertulia"
HERE = ("--listening-ip", "127.0.0.1", "--relay-ip", "127.0.0.1")
QUIET = ("--no-tls", "--no-dtls", "--no-cli")


@dataclass(frozen=True, slots=True)
class Coturn:
    """One server."""

    port: int

    @property
    def url(self) -> str:
        """What devices are told of it."""
        return f"turn:127.0.0.1:{self.port}"


@contextmanager
def running_coturn(*options: str, secret: str = SECRET) -> Iterator[Coturn]:
    """A server that takes credentials made with `secret`, ended with the test."""
    shared = ("--use-auth-secret", "--static-auth-secret", secret, "--realm", REALM)
    with serving(*QUIET, *shared, *options) as server:
        yield server


@contextmanager
def serving(*options: str) -> Iterator[Coturn]:
    """A server with just these options, on a port of this machine."""
    binary = shutil.which("turnserver")
    if binary is None:
        pytest.fail("coturn is not installed: run tools/servers.sh")
    server = Coturn(free_tcp_port())
    with tempfile.TemporaryDirectory(prefix="tertulia-turn-") as directory:
        elsewhere = ("--pidfile", f"{directory}/pid", "--userdb", f"{directory}/users", "--log-file", "stdout")
        words = [binary, "-n", *HERE, *elsewhere, "--listening-port", str(server.port), *options]
        process = subprocess.Popen(  # noqa: S603 - Debian's server, our own words
            words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            _wait(process, server.port)
            yield server
        finally:
            process.kill()
            process.wait()


@asynccontextmanager
async def relay(server: Coturn, credentials: IceServer) -> AsyncIterator[turn.TurnClientUdpProtocol]:
    """A relay that the server gives for these credentials; raises aioice's TransactionFailed where it gives none."""
    client = turn.TurnClientUdpProtocol(
        server=("127.0.0.1", server.port),
        username=str(credentials.username),
        password=str(credentials.credential),
        lifetime=600,
        channel_refresh_time=500,
    )
    address = ("127.0.0.1", server.port)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: client, remote_addr=address)
    try:
        await client.connect()
        yield client
        await client.delete()
    finally:
        transport.close()


async def refresh(client: turn.TurnClientUdpProtocol) -> None:
    """Have a relay live on; raises aioice's TransactionFailed where it may not."""
    request = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
    request.attributes["LIFETIME"] = client.lifetime
    await client.request_with_retry(request)


def refusal(error: stun.TransactionFailed) -> int:
    """The code by which the server refused (RFC 8489 §14.8)."""
    return int(error.response.attributes["ERROR-CODE"][0])


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "turnserver ended at once"
        assert time.monotonic() < deadline, "turnserver does not answer"
        time.sleep(0.02)
