"""DTLS of a peer: keys for the right client, and nothing for anybody else."""

import asyncio
import inspect
from collections.abc import AsyncIterator, Callable

import pytest
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsParameters, RTCDtlsTransport

from sfu.dtls import INBOUND_DATAGRAMS, PROFILES, DtlsSession, NodeCertificate, SrtpKeys
from sfu.errors import DtlsFailed
from sfu.sdp.values import Fingerprint
from tests.support.eventually import until


class Wire:
    """The client's end of a pair of datagram queues."""

    role = "controlling"

    def __init__(self) -> None:
        self.inbound: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.deliver: Callable[[list[bytes]], None] = lambda _datagrams: None
        self.sent: list[bytes] = []

    async def _recv(self) -> bytes:
        datagram = await self.inbound.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self.sent.append(datagram)
        self.deliver([datagram])


class Pair:
    """A node's DTLS and the client it waits for."""

    def __init__(self, certificate: NodeCertificate, profiles: list[aiortc_dtls.SRTPProtectionProfile]) -> None:
        self.wire = Wire()
        self.ended = 0
        client_certificate = RTCCertificate.generateCertificate()
        self.client = RTCDtlsTransport(self.wire, [client_certificate])  # type: ignore[arg-type]
        self.client._set_role("client")
        self.client._srtp_profiles = profiles
        offered = tuple(Fingerprint(item.algorithm, item.value) for item in client_certificate.getFingerprints())
        self.node = DtlsSession(certificate, offered, send=self.wire.inbound.put_nowait, ended=self._on_end)
        self.wire.deliver = self.node.receive
        self._answered = RTCDtlsParameters(fingerprints=certificate.getFingerprints(), role="server")

    def _on_end(self) -> None:
        self.ended += 1

    async def connect(self) -> SrtpKeys:
        """Both ends of a handshake; the node's keys."""
        keys, _ = await asyncio.gather(self.node.handshake(5.0), self.client.start(self._answered))
        return keys

    async def close(self) -> None:
        """Both ends, and the client's reader."""
        await self.node.close()
        await self.client.stop()
        self.wire.inbound.put_nowait(None)


@pytest.fixture(scope="module")
def certificate() -> NodeCertificate:
    return NodeCertificate.generateCertificate()


@pytest.fixture
async def pair(certificate: NodeCertificate) -> AsyncIterator[Pair]:
    made = Pair(certificate, PROFILES)
    yield made
    await made.close()


async def test_both_ends_get_the_same_keys_and_our_first_profile_wins(pair: Pair) -> None:
    keys = await pair.connect()
    assert keys.profile == "SRTP_AEAD_AES_128_GCM"
    assert pair.client._ssl is not None
    material = pair.client._ssl.export_keying_material(b"EXTRACTOR-dtls_srtp", 56)
    assert keys.remote_key + keys.local_key + keys.remote_salt + keys.local_salt == material
    assert (len(keys.local_key), len(keys.local_salt)) == (16, 12)


async def test_a_client_without_gcm_gets_the_other_profile(certificate: NodeCertificate) -> None:
    pair = Pair(certificate, [aiortc_dtls.SRTP_AES128_CM_SHA1_80])
    keys = await pair.connect()
    assert (keys.profile, len(keys.local_salt)) == ("SRTP_AES128_CM_SHA1_80", 14)
    await pair.close()


async def test_another_certificate_than_the_offered_one_is_refused(certificate: NodeCertificate) -> None:
    pair = Pair(certificate, PROFILES)
    pair.node = DtlsSession(
        certificate,
        (Fingerprint("sha-256", ":".join(["00"] * 32)),),
        send=pair.wire.inbound.put_nowait,
        ended=pair._on_end,
    )
    pair.wire.deliver = pair.node.receive
    with pytest.raises(DtlsFailed):
        await pair.connect()
    await pair.close()


async def test_a_silent_client_is_given_up(certificate: NodeCertificate) -> None:
    pair = Pair(certificate, PROFILES)
    with pytest.raises(DtlsFailed, match=r"within 0\.05 s"):
        await pair.node.handshake(0.05)
    await pair.close()


async def test_the_client_s_goodbye_ends_the_association_once(pair: Pair) -> None:
    await pair.connect()
    await pair.client.stop()
    await until(lambda: pair.ended == 1, "the end is noticed")


async def test_empty_and_foreign_datagrams_change_nothing(pair: Pair) -> None:
    pair.node.receive([b"", b"\x80" * 40, b"\x00\x01", b"\x16"])
    keys = await pair.connect()
    pair.node.receive([b"", b"\x17" * 3, b"\x15\xfe\xfd" + bytes(10) + b"\x00\x02\x02\x28"])
    await asyncio.sleep(0)
    assert keys
    assert pair.ended == 0


async def test_the_inbound_queue_is_bounded(pair: Pair) -> None:
    pair.node.receive([b"\x16\xfe\xff"] * 1_000)
    assert len(pair.node._pump._inbound) == INBOUND_DATAGRAMS


async def test_one_ssl_context_serves_all_peers(certificate: NodeCertificate) -> None:
    first = certificate._create_ssl_context(PROFILES)
    assert certificate._create_ssl_context(PROFILES) is first


async def test_closing_twice_is_harmless(pair: Pair) -> None:
    await pair.connect()
    await pair.node.close()
    await pair.node.close()
    assert pair.ended == 0


def test_the_private_surface_of_aiortc_is_as_it_was() -> None:
    """sfu/dtls.py leans on these; look at each of its uses before changing this test."""
    transport = RTCDtlsTransport
    assert list(inspect.signature(transport.__init__).parameters) == ["self", "transport", "certificates"]
    assert list(inspect.signature(transport._set_role).parameters) == ["self", "role"]
    assert list(inspect.signature(transport._setup_srtp).parameters) == ["self"]
    assert list(inspect.signature(transport._set_state).parameters) == ["self", "state"]
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    source = inspect.getsource(transport)
    for name in ("self._srtp_profiles", "self._ssl", "self._setup_srtp()", "self.transport._recv()"):
        assert name in source, name
    assert {state.name for state in aiortc_dtls.State} == {"NEW", "CONNECTING", "CONNECTED", "CLOSED", "FAILED"}
    assert [profile.openssl_profile for profile in PROFILES] == [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"]
