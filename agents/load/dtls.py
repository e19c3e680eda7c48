"""DTLS of one endpoint: the client's side, bytes in and datagrams out, for as little as it can cost.

engine -> `receive` -> **dtls** -> SRTP keys -> engine

OpenSSL over memory, one context and one certificate for all endpoints, nothing of asyncio.  The state machine is
OpenSSL's, with its own clock: `timeout_s` says when `on_timeout` is due.
"""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from agents.load.errors import ConnectError
from sfu.dtls import SrtpKeys
from sfu.sdp.values import Fingerprint

MTU: Final = 1_200
"""Of a datagram; OpenSSL cuts its handshake messages so that records fit."""
RECORD_HEADER: Final = 13
"""type, version, epoch, sequence number, length (RFC 6347 §4.1)."""
READ_AT_ONCE: Final = 65_536

PROFILES: Final = {b"SRTP_AEAD_AES_128_GCM": (16, 12), b"SRTP_AES128_CM_SHA1_80": (16, 14)}
"""SRTP profiles with their lengths of key and salt (RFC 5764 §4.1.2, RFC 7714 §12), ours first."""
CIPHERS: Final = b"ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305"


class ClientCertificate:
    """The certificate of all endpoints, and the SSL context that goes with it."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key)
        digest = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
        self.fingerprint = Fingerprint("sha-256", digest)
        self._context = SSL.Context(SSL.DTLS_METHOD)
        self._context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_QUERY_MTU)
        # The peer's certificate counts by its fingerprint alone (RFC 8122), which is looked at after the handshake.
        self._context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
        self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        self._context.set_cipher_list(CIPHERS)
        self._context.set_tlsext_use_srtp(b":".join(PROFILES))
        self._context.use_certificate(certificate)
        self._context.use_privatekey(key)

    def connection(self) -> SSL.Connection:
        """A client's end of a new association."""
        connection = SSL.Connection(self._context, None)
        connection.set_ciphertext_mtu(MTU)
        connection.set_connect_state()
        return connection


def _self_signed(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "load")])
    now = datetime.datetime.now(tz=datetime.UTC)
    day = datetime.timedelta(days=1)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number()).not_valid_before(now - day).not_valid_after(now + 30 * day)
    return made.sign(key, hashes.SHA256())


@dataclass(slots=True)
class DtlsClient:
    """One association.  After every call that changes it send `datagrams()`, look at `keys`, wait for `timeout_s()`."""

    certificate: ClientCertificate
    remote: tuple[Fingerprint, ...]
    """Any of these is the server's (RFC 8122 §5)."""
    keys: SrtpKeys | None = None
    _connection: SSL.Connection = field(init=False)

    def __post_init__(self) -> None:
        self._connection = self.certificate.connection()

    def start(self) -> None:
        """Say hello."""
        self._step()

    def receive(self, datagram: bytes) -> None:
        """A datagram of the server's; ConnectError ends the association, what is no DTLS is dropped."""
        if self.keys is None and datagram:
            self._connection.bio_write(datagram)
            self._step()

    def timeout_s(self) -> float | None:
        """Seconds until the last flight has to be repeated; None: never."""
        return None if self.keys is not None else self._connection.DTLSv1_get_timeout()

    def on_timeout(self) -> None:
        """Repeat the last flight."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise ConnectError(f"DTLS failed: {_in_words(error)}") from None

    def goodbye(self) -> None:
        """Tell the server that the association is over."""
        if self.keys is not None:
            self._connection.shutdown()

    def datagrams(self) -> Iterator[bytes]:
        """What is to be sent, whole records in each."""
        try:
            flight = self._connection.bio_read(READ_AT_ONCE)
        except SSL.WantReadError:
            return
        yield from packed(flight)

    def _step(self) -> None:
        try:
            self._connection.do_handshake()
        except SSL.WantReadError:
            return
        except SSL.Error as error:
            raise ConnectError(f"DTLS failed: {_in_words(error)}") from None
        self._check_fingerprint()
        self.keys = self._export()

    def _check_fingerprint(self) -> None:
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        octets = certificate.public_bytes(Encoding.DER) if certificate is not None else b""
        for expected in self.remote:
            digest = hashlib.new(expected.algorithm.replace("-", ""), octets).hexdigest()
            if certificate is not None and digest == expected.value.replace(":", "").lower():
                return
        raise ConnectError("the server's DTLS certificate is not the one of its answer")

    def _export(self) -> SrtpKeys:
        """Client key, server key, client salt, server salt (RFC 5764 §4.2)."""
        profile = self._connection.get_selected_srtp_profile()
        if profile not in PROFILES:
            raise ConnectError("the server chose no SRTP profile that was offered")
        key, salt = PROFILES[profile]
        material = self._connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
        return SrtpKeys(
            profile=profile.decode(),
            local_key=material[:key],
            remote_key=material[key : 2 * key],
            local_salt=material[2 * key : 2 * key + salt],
            remote_salt=material[2 * key + salt :],
        )


def packed(flight: bytes) -> Iterator[bytes]:
    """DTLS records put into datagrams of at most MTU: memory, unlike a socket, keeps no borders."""
    begin = end = 0
    while end + RECORD_HEADER <= len(flight):
        length = RECORD_HEADER + int.from_bytes(flight[end + 11 : end + RECORD_HEADER])
        if end > begin and end + length - begin > MTU:
            yield flight[begin:end]
            begin = end
        end += length
    if end > begin:
        yield flight[begin:end]


def _in_words(error: SSL.Error) -> str:
    reasons = error.args[0] if error.args else None
    return (
        ", ".join(str(reason[-1]) for reason in reasons)
        if isinstance(reasons, list) and reasons
        else "the server ended it"
    )
