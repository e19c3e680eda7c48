"""DTLS of a peer: keys for the right client, and nothing for anybody else."""

import contextlib
import inspect
from collections.abc import Iterable
from functools import cache

import pytest
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from sfu.dtls import PROFILES, Association, DtlsState, NodeCertificate, SrtpKeys
from sfu.errors import DtlsFailed
from sfu.sdp.values import Fingerprint
from tests.support.eventually import until

CIPHERS = [b"ECDHE-ECDSA-AES128-GCM-SHA256", b"ECDHE-ECDSA-CHACHA20-POLY1305"]
ROUNDS = 4
"""Flights enough for a handshake."""


class Pair:
    """A node's end and a client of OpenSSL's, with nothing but lists of datagrams between them."""

    def __init__(
        self,
        certificate: NodeCertificate,
        profiles: list[aiortc_dtls.SRTPProtectionProfile],
        cipher: bytes = CIPHERS[0],
    ) -> None:
        own = RTCCertificate.generateCertificate()
        context = own._create_ssl_context(profiles)
        context.set_cipher_list(cipher)
        self.client = SSL.Connection(context)
        self.client.set_connect_state()
        self.offered = tuple(Fingerprint(item.algorithm, item.value) for item in own.getFingerprints())
        self.node = Association(certificate, self.offered)

    def flight(self) -> list[bytes]:
        """The client's next one."""
        with contextlib.suppress(SSL.WantReadError):
            self.client.do_handshake()
        return self.said()

    def said(self) -> list[bytes]:
        """What the client has written."""
        found = []
        with contextlib.suppress(SSL.WantReadError):
            while True:
                found.append(self.client.bio_read(1_500))
        return found

    def hear(self, datagrams: Iterable[bytes]) -> None:
        """Give the client what the node sent."""
        for datagram in datagrams:
            self.client.bio_write(datagram)

    def exchange(self) -> None:
        """One flight each way."""
        self.node.receive(self.flight())
        self.hear(self.node.datagrams())

    def connect(self) -> SrtpKeys:
        """A whole handshake; the node's keys."""
        for _ in range(ROUNDS):
            self.exchange()
        return self.node.take_keys()


@pytest.fixture(scope="module")
def certificate() -> NodeCertificate:
    return NodeCertificate.generateCertificate()


@cache
def parting() -> tuple[Pair, bytes]:
    """A connected pair, and the client's goodbye, which has not arrived."""
    pair = Pair(NodeCertificate.generateCertificate(), PROFILES)
    pair.connect()
    pair.client.shutdown()
    (goodbye,) = pair.said()
    return pair, goodbye


@pytest.fixture(params=CIPHERS, ids=["GCM", "ChaCha20"])
def pair(certificate: NodeCertificate, request: pytest.FixtureRequest) -> Pair:
    """With a cipher of whose association a farewell is left, and with one of which OpenSSL stays."""
    return Pair(certificate, PROFILES, request.param)


def test_both_ends_get_the_same_keys_and_our_first_profile_wins(pair: Pair) -> None:
    keys = pair.connect()
    assert pair.node.state is DtlsState.CONNECTED
    assert keys.profile == "SRTP_AEAD_AES_128_GCM"
    material = pair.client.export_keying_material(b"EXTRACTOR-dtls_srtp", 56)
    assert keys.remote_key + keys.local_key + keys.remote_salt + keys.local_salt == material
    assert (len(keys.local_key), len(keys.local_salt)) == (16, 12)


def test_keys_are_given_once_and_not_kept(pair: Pair) -> None:
    with pytest.raises(DtlsFailed):
        pair.node.take_keys()
    pair.connect()
    with pytest.raises(DtlsFailed):
        pair.node.take_keys()


def test_a_client_without_gcm_gets_the_other_profile(certificate: NodeCertificate) -> None:
    keys = Pair(certificate, [aiortc_dtls.SRTP_AES128_CM_SHA1_80]).connect()
    assert (keys.profile, len(keys.local_salt)) == ("SRTP_AES128_CM_SHA1_80", 14)


@pytest.mark.parametrize("kept", [0, 1], ids=["alone", "beside a right one"])
def test_another_certificate_than_the_offered_one_is_refused(
    pair: Pair, certificate: NodeCertificate, kept: int
) -> None:
    wrong = Fingerprint("sha-256", ":".join(["00"] * 32))
    pair.node = Association(certificate, (*pair.offered[:kept], wrong))
    with pytest.raises(DtlsFailed):
        pair.connect()
    assert pair.node.state is DtlsState.FAILED
    assert "not the one of the offer" in str(pair.node.failure)


def test_a_handshake_that_cannot_succeed_fails_and_is_named(certificate: NodeCertificate) -> None:
    pair = Pair(certificate, [aiortc_dtls.SRTP_AEAD_AES_256_GCM])
    with pytest.raises(DtlsFailed):
        pair.connect()
    assert pair.node.state is DtlsState.FAILED
    assert "none of our SRTP profiles" in str(pair.node.failure)


def test_a_silent_client_is_sent_our_flight_again(pair: Pair) -> None:
    assert pair.node.timeout_s() is None
    pair.node.receive(pair.flight())
    first = list(pair.node.datagrams())
    assert first
    due_s = pair.node.timeout_s()
    assert due_s is not None
    assert 0 < due_s <= 1  # RFC 6347 §4.2.4.1
    assert not list(pair.node.datagrams())


async def test_a_client_that_missed_our_last_flight_gets_it_again(pair: Pair) -> None:
    pair.exchange()
    pair.node.receive(pair.flight())
    assert list(pair.node.datagrams())  # lost
    pair.node.take_keys()
    await until(pair.client.DTLSv1_handle_timeout, "the client says its flight again")  # after 1 s, OpenSSL's own
    pair.node.receive(pair.said())
    pair.hear(pair.node.datagrams())
    pair.client.do_handshake()


def test_the_client_s_goodbye_ends_the_association(pair: Pair) -> None:
    pair.connect()
    pair.client.shutdown()
    pair.node.receive(pair.said())
    assert pair.node.state is DtlsState.ENDED


def test_our_goodbye_is_said_once_and_only_to_who_is_there(pair: Pair, certificate: NodeCertificate) -> None:
    pair.connect()
    pair.node.close()
    pair.hear(pair.node.datagrams())
    with pytest.raises(SSL.ZeroReturnError):
        pair.client.recv(100)
    pair.node.close()
    nobody = Association(certificate, pair.offered)
    nobody.close()
    assert not [*pair.node.datagrams(), *nobody.datagrams()]


def test_empty_and_foreign_datagrams_change_nothing(pair: Pair) -> None:
    pair.node.receive([b"", b"\x80" * 40, b"\x00\x01", b"\x16"])
    pair.connect()
    pair.node.receive([b"", b"\x17" * 3, b"\x15\xfe\xfd" + bytes(10) + b"\x00\x02\x02\x28"])
    assert pair.node.state is DtlsState.CONNECTED
    assert not list(pair.node.datagrams())


def test_openssl_goes_with_the_handshake_where_a_farewell_is_enough(pair: Pair) -> None:
    pair.connect()
    assert (pair.node._ssl is None) == (pair.client.get_cipher_name() == "ECDHE-ECDSA-AES128-GCM-SHA256")


@given(st.binary(max_size=80), st.integers(0, 255), st.integers(20, 63))
def test_no_datagram_of_a_stranger_ends_an_association(tail: bytes, position: int, first: int) -> None:
    pair, goodbye = parting()
    changed = bytearray(goodbye)
    changed[position % len(goodbye)] ^= 1 + position % 255
    pair.node.receive([bytes(changed), bytes([first]) + tail, goodbye[: position % len(goodbye)]])
    assert pair.node.state is DtlsState.CONNECTED
    assert pair.node.datagrams() == []


def test_one_ssl_context_serves_all_peers(certificate: NodeCertificate) -> None:
    first = certificate._create_ssl_context(PROFILES)
    assert certificate._create_ssl_context(PROFILES) is first


def test_the_private_surface_of_aiortc_is_as_it_was() -> None:
    """sfu/dtls.py leans on this; look at its use before changing this test."""
    assert list(inspect.signature(RTCCertificate._create_ssl_context).parameters) == ["self", "srtp_profiles"]
    assert [profile.openssl_profile for profile in PROFILES] == [b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80"]
