"""The client's DTLS against the node's: keys for the right server, and nothing for anybody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from aiortc import rtcdtlstransport as aiortc_dtls

import sfu.dtls
from agents.load.dtls import MTU, RECORD_HEADER, ClientCertificate, DtlsClient, packed
from agents.load.errors import ConnectError
from sfu.dtls import Association, DtlsState, NodeCertificate, SrtpKeys
from sfu.sdp.values import Fingerprint

WRONG = Fingerprint("sha-256", ":".join(["00"] * 32))


@pytest.fixture(scope="module")
def client_certificate() -> ClientCertificate:
    return ClientCertificate()


@pytest.fixture
def server_certificate() -> NodeCertificate:
    return NodeCertificate.generateCertificate()


class Pair:
    """A client and the node's side, with what passes between them."""

    def __init__(self, client: ClientCertificate, server: NodeCertificate, expected: Fingerprint | None = None) -> None:
        self.client = DtlsClient(client, (expected or server.fingerprint,))
        self.server = Association(server, (client.fingerprint,))
        self.sent: list[bytes] = []

    def flush(self) -> None:
        """Until neither has anything to say."""
        while datagrams := list(self.client.datagrams()):
            self.sent += datagrams
            self.server.receive(datagrams)
            for datagram in self.server.datagrams():
                self.client.receive(datagram)

    def connect(self) -> SrtpKeys:
        """The server's keys."""
        self.client.start()
        self.flush()
        return self.server.take_keys()


@pytest.mark.parametrize("profile", ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"])
def test_both_ends_have_the_same_keys_in_either_profile(
    client_certificate: ClientCertificate, monkeypatch: pytest.MonkeyPatch, profile: str
) -> None:
    known = [one for one in sfu.dtls.PROFILES if one.openssl_profile == profile.encode()]
    monkeypatch.setattr(sfu.dtls, "PROFILES", known)
    pair = Pair(client_certificate, NodeCertificate.generateCertificate())
    theirs, ours = pair.connect(), pair.client.keys
    assert ours is not None
    assert ours.profile == theirs.profile == profile
    assert (ours.local_key, ours.local_salt) == (theirs.remote_key, theirs.remote_salt)
    assert (ours.remote_key, ours.remote_salt) == (theirs.local_key, theirs.local_salt)
    assert ours.local_key != ours.remote_key


def test_gcm_is_taken_where_both_can(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate
) -> None:
    pair = Pair(client_certificate, server_certificate)
    assert pair.connect().profile == aiortc_dtls.SRTP_AEAD_AES_128_GCM.openssl_profile.decode()


def test_a_server_with_another_certificate_gets_no_keys(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate
) -> None:
    pair = Pair(client_certificate, server_certificate, expected=WRONG)
    with pytest.raises(ConnectError, match="not the one of its answer"):
        pair.connect()
    assert pair.client.keys is None


def test_any_of_the_answers_fingerprints_will_do(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate
) -> None:
    pair = Pair(client_certificate, server_certificate)
    pair.client.remote = (WRONG, server_certificate.fingerprint)
    pair.connect()
    assert pair.client.keys is not None


async def test_a_lost_flight_is_repeated_when_its_time_has_come(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate
) -> None:
    client = DtlsClient(client_certificate, (server_certificate.fingerprint,))
    client.start()
    (hello,) = client.datagrams()
    delay = client.timeout_s()
    assert delay is not None
    assert 0 < delay <= 1.0
    client.on_timeout()
    assert list(client.datagrams()) == []  # not yet
    async with asyncio.timeout(10):
        while not (again := list(client.datagrams())):
            await asyncio.sleep(client.timeout_s() or 0)
            client.on_timeout()
    # The same hello in a record with another number.
    assert again[0][RECORD_HEADER:] == hello[RECORD_HEADER:]


def test_a_connected_client_waits_for_nothing_and_can_say_goodbye(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate
) -> None:
    pair = Pair(client_certificate, server_certificate)
    pair.connect()
    assert pair.client.timeout_s() is None
    pair.client.goodbye()
    pair.flush()
    assert pair.server.state is DtlsState.ENDED


@pytest.mark.parametrize("rubbish", [b"", b"\x00", b"\x16\xfe\xfd", bytes(200), b"GET / HTTP/1.1\r\n\r\n"])
def test_what_is_no_dtls_disturbs_no_handshake(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate, rubbish: bytes
) -> None:
    pair = Pair(client_certificate, server_certificate)
    pair.client.start()
    pair.client.receive(rubbish)
    pair.flush()
    assert pair.client.keys is not None


def test_no_datagram_is_larger_than_the_mtu(
    client_certificate: ClientCertificate, server_certificate: NodeCertificate
) -> None:
    pair = Pair(client_certificate, server_certificate)
    pair.connect()
    assert pair.sent
    assert max(map(len, pair.sent)) <= MTU


def record(length: int, mark: int) -> bytes:
    return (
        bytes([22, 254, 253])
        + bytes(8)
        + (length - RECORD_HEADER).to_bytes(2)
        + bytes([mark]) * (length - RECORD_HEADER)
    )


def records(*lengths: int) -> Iterator[bytes]:
    return (record(length, mark) for mark, length in enumerate(lengths))


@pytest.mark.parametrize(
    ("lengths", "datagrams"),
    [
        ((), []),
        ((100,), [100]),
        ((600, 600), [1_200]),
        ((600, 601), [600, 601]),
        ((300, 900, 14, 1_186), [1_200, 1_200]),
        ((1_300, 20), [1_300, 20]),
    ],
)
def test_records_are_put_into_datagrams_whole(lengths: tuple[int, ...], datagrams: list[int]) -> None:
    flight = b"".join(records(*lengths))
    made = list(packed(flight))
    assert [len(datagram) for datagram in made] == datagrams
    assert b"".join(made) == flight
