"""What strangers and forgers send to the media port changes nothing: the call goes on."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aioice.stun as stun
import pytest
from OpenSSL import SSL

from sfu.dtls import PROFILES, NodeCertificate
from tests.support.clients import SocketIoClient
from tests.support.eventually import eventually
from tests.support.node import AloneNode, Deployment, Node, alone_node, running_node

FLOOD = 20_000
MAX_GROWTH_BYTES = 2 * 1024 * 1024


@dataclass
class Call:
    """Alice and Bob in a call, and what Alice's network has seen of it."""

    address: tuple[str, int]
    """The node's media port."""
    alice: SocketIoClient
    bob: SocketIoClient
    seen: list[bytes]

    @property
    def alice_ufrag(self) -> str:
        """Alice's half of the node's credentials, as anybody on her way may read it in a check."""
        rows = str(self.alice.answer["sdp"]).splitlines()
        return next(row.removeprefix("a=ice-ufrag:") for row in rows if row.startswith("a=ice-ufrag:"))

    async def goes_on(self) -> None:
        """Both ends still see each other."""
        for viewer, other in ((self.alice, "bob"), (self.bob, "alice")):
            mids = await viewer.shown(other)
            await viewer.media.sees(mids["video"], 5)
            assert viewer.media.pc.connectionState == "connected"
            assert viewer.connected


@asynccontextmanager
async def calling(node: Node, udp_port: int) -> AsyncIterator[Call]:
    room = await node.room("alice", "bob")
    seen: list[bytes] = []
    alice, bob = SocketIoClient(node), SocketIoClient(node)
    await alice.join(room, "alice")
    _record(alice, seen)
    await bob.join(room, "bob")
    made = Call(("127.0.0.1", udp_port), alice, bob, seen)
    await made.goes_on()
    yield made
    await alice.close()
    await bob.close()


@pytest.fixture
async def node() -> AsyncIterator[Deployment]:
    async with running_node() as made:
        yield made


@pytest.fixture
async def call(node: Deployment) -> AsyncIterator[Call]:
    async with calling(node, node.process.udp_ports[0]) as made:
        yield made


def counter(node: Deployment, name: str) -> int:
    """One of the core's counters."""
    return node.process.core.counters()[name]


def _record(client: SocketIoClient, seen: list[bytes]) -> None:
    """Keep a copy of what the client sends."""
    transport = client.media.pc.getTransceivers()[0].sender.transport.transport
    send = transport._send

    async def recording(data: bytes) -> None:
        seen.append(bytes(data))
        await send(data)

    transport._send = recording


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        yield made


def client_hello() -> bytes:
    """The first flight of somebody else's DTLS client."""
    context = NodeCertificate.generateCertificate()._create_ssl_context(PROFILES)
    connection = SSL.Connection(context)
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return bytes(connection.bio_read(1500))


def binding_request(username: str, password: str | None) -> bytes:
    """An ICE check that nominates its address."""
    message = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    message.attributes["USERNAME"] = username
    message.attributes["PRIORITY"] = 1
    message.attributes["ICE-CONTROLLING"] = 1
    message.attributes["USE-CANDIDATE"] = None
    if password is not None:
        message.add_message_integrity(password.encode())
    return bytes(message)


RTP = bytes([0x80, 96]) + os.urandom(10) + bytes(100)
ALERT = b"\x15\xfe\xfd" + bytes(8) + b"\x00\x02\x02\x28"

ATTACKS: dict[str, Callable[[Call], bytes]] = {
    "an empty datagram": lambda _call: b"",
    "a ClientHello": lambda _call: client_hello(),
    "a plaintext fatal alert": lambda _call: ALERT,
    "plain RTP": lambda _call: RTP,
    "Alice's own SRTP": lambda call: next(data for data in call.seen if data[0] & 0xC0 == 0x80),
    "a check without integrity": lambda call: binding_request(f"{call.alice_ufrag}:abcd", None),
    "a check with a wrong integrity": lambda call: binding_request(f"{call.alice_ufrag}:abcd", "wrong" * 6),
    "a check for nobody": lambda _call: binding_request("nobodynobody:abcd", "wrong" * 6),
    "noise": lambda _call: os.urandom(300),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_stranger_s_datagram_changes_nothing(
    node: Deployment, call: Call, stranger: socket.socket, attack: str
) -> None:
    datagram, before = ATTACKS[attack](call), counter(node, "dtls_in")
    for _ in range(50):
        stranger.sendto(datagram, call.address)
    await call.goes_on()
    assert counter(node, "dtls_in") == before
    assert sum(counter(node, name) for name in ("strangers", "stun_forged", "malformed")) >= (50 if datagram else 0)


async def test_replayed_srtp_is_dropped_and_counted(node: Deployment, call: Call) -> None:
    transport = call.alice.media.pc.getTransceivers()[0].sender.transport.transport
    old = [data for data in call.seen if data[0] & 0xC0 == 0x80][:20]
    for datagram in old * 3:
        await transport._send(datagram)
    await call.goes_on()
    assert counter(node, "srtp_replayed") >= len(old)


async def test_forged_packets_from_the_right_address_are_dropped_and_counted(node: Deployment, call: Call) -> None:
    transport = call.alice.media.pc.getTransceivers()[0].sender.transport.transport
    for datagram in (RTP, ALERT, RTP[:5], b"\x16\xfe\xfd" + bytes(20), client_hello()):
        for _ in range(20):
            await transport._send(datagram)
    await call.goes_on()
    assert counter(node, "srtp_forged") >= 20


@pytest.fixture
async def alone() -> AsyncIterator[AloneNode]:
    async with alone_node() as made:
        yield made


async def test_a_flood_costs_no_memory(alone: AloneNode, stranger: socket.socket) -> None:
    async with calling(alone, alone.udp_port) as call:
        datagrams = [make(call) for make in ATTACKS.values()]

        async def flood(count: int) -> None:
            for number in range(count):
                stranger.sendto(datagrams[number % len(datagrams)], call.address)
                if number % 100 == 0:
                    await asyncio.sleep(0)

        await flood(FLOOD // 10)
        await call.goes_on()
        before = alone.process.memory_info().rss
        await flood(FLOOD)
        await call.goes_on()
        assert alone.process.memory_info().rss - before < MAX_GROWTH_BYTES

        async def has_two_peers() -> bool:
            return (await alone.metrics())["tertulia_node_peers"] == 2

        await eventually(has_two_peers, "strangers are no peers", 30.0)
