"""DTLS of one peer, always the passive side: bytes in, bytes and SRTP keys out.

core -> `receive` -> **dtls** -> `datagrams`, keys -> core

No task, no queue and no clock.  The state machine is OpenSSL's and goes with the handshake; what may be said after that
is `farewell.py`'s.  The certificate and the context are aiortc's: everything private of aiortc that the node touches is
`RTCCertificate._create_ssl_context`; `tests/sfu/test_dtls.py` fails when that changes.
"""

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate, certificate_digest
from OpenSSL import SSL

from sfu.errors import DtlsFailed
from sfu.farewell import Farewell
from sfu.sdp.values import Fingerprint

MAX_DATAGRAM = 1_500
"""Longer than any flight of ours: with one EC certificate the longest has about 900 bytes."""

PROFILES: Final = [aiortc_dtls.SRTP_AEAD_AES_128_GCM, aiortc_dtls.SRTP_AES128_CM_SHA1_80]
"""SRTP profiles in our order, which wins because we are the server."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """What `Core.set_keys` wants (RFC 5764 §4.2)."""

    profile: str
    remote_key: bytes
    remote_salt: bytes
    local_key: bytes
    local_salt: bytes


class NodeCertificate(RTCCertificate):
    """The node's certificate, with one SSL context for all peers (a fresh one cost 0.4 ms a handshake)."""

    _context: SSL.Context | None = None
    _fingerprint: Fingerprint | None = None

    def _create_ssl_context(self, srtp_profiles: list[aiortc_dtls.SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    def accept(self) -> SSL.Connection:
        """The server's end of a new association, over memory."""
        connection = SSL.Connection(self._create_ssl_context(PROFILES))
        connection.set_accept_state()
        return connection

    @property
    def fingerprint(self) -> Fingerprint:
        """SHA-256, for the answer."""
        if self._fingerprint is None:
            found = next(item for item in self.getFingerprints() if item.algorithm == "sha-256")
            self._fingerprint = Fingerprint(found.algorithm, found.value)
        return self._fingerprint


class DtlsState(Enum):
    """Of an association."""

    HANDSHAKE = "handshake"
    CONNECTED = "connected"
    """There are keys to be taken."""
    FAILED = "failed"
    """`failure` says why."""
    ENDED = "ended"
    """The peer has said goodbye, or we have."""


class Association:
    """The DTLS association of one peer.  After every call send `datagrams()` and look at `state`."""

    def __init__(self, certificate: NodeCertificate, remote: tuple[Fingerprint, ...]) -> None:
        self._certificate = certificate
        self._remote = remote
        self._ssl: SSL.Connection | None = None
        """From the first datagram to the end of the handshake; longer if there is no farewell."""
        self._farewell: Farewell | None = None
        self._outbound: list[bytes] = []
        self._keys: SrtpKeys | None = None
        self.state = DtlsState.HANDSHAKE
        self.failure: DtlsFailed | None = None

    def receive(self, datagrams: Iterable[bytes]) -> None:
        """DTLS datagrams from the peer's validated address, in order; others are dropped."""
        for datagram in datagrams:
            # RFC 7983 §7: 20..63 is DTLS.
            if datagram and 20 <= datagram[0] <= 63:
                self._receive(datagram)

    def datagrams(self) -> list[bytes]:
        """Take what is to be sent now."""
        datagrams, self._outbound = self._outbound, []
        return datagrams

    def timeout_s(self) -> float | None:
        """When `on_timeout` is due unless something comes before; None: never."""
        timeout: float | None = self._ssl.DTLSv1_get_timeout() if self._ssl else None
        return timeout

    def on_timeout(self) -> None:
        """The peer has not answered our flight: send it again (RFC 6347 §4.2.4)."""
        if self._ssl:
            self._ssl.DTLSv1_handle_timeout()
            self._flush(self._ssl)

    def take_keys(self) -> SrtpKeys:
        """The keys of a connected association, once: we have no use for them."""
        keys, self._keys = self._keys, None
        if keys is None:
            raise DtlsFailed("there are no keys, or no more")
        return keys

    def close(self) -> None:
        """Say goodbye to a peer that is there; closing twice is harmless."""
        if self.state is not DtlsState.CONNECTED:
            return
        self.state = DtlsState.ENDED
        if self._farewell:
            self._outbound.append(self._farewell.goodbye())
        elif self._ssl:
            with contextlib.suppress(SSL.Error):
                self._ssl.shutdown()
            self._flush(self._ssl)

    def _receive(self, datagram: bytes) -> None:
        if self.state is DtlsState.HANDSHAKE:
            self._ssl = self._ssl or self._certificate.accept()
            self._ssl.bio_write(datagram)
            self._shake(self._ssl)
        elif self.state is DtlsState.CONNECTED and self._farewell:
            self._part(self._farewell.receive(datagram))
        elif self.state is DtlsState.CONNECTED and self._ssl:
            self._ssl.bio_write(datagram)
            self._read(self._ssl)

    def _shake(self, connection: SSL.Connection) -> None:
        try:
            connection.do_handshake()
            self._check_fingerprints(connection)
            self._keys = _keys(connection)
        except SSL.WantReadError:
            self._flush(connection)
        except SSL.Error as error:
            self._fail(DtlsFailed(f"the DTLS handshake failed: {error}"), connection)
        except DtlsFailed as failure:
            self._fail(failure, connection)
        else:
            self._connected(connection)

    def _fail(self, failure: DtlsFailed, connection: SSL.Connection) -> None:
        self.state, self.failure = DtlsState.FAILED, failure
        self._flush(connection)
        self._ssl = None

    def _connected(self, connection: SSL.Connection) -> None:
        """From here on OpenSSL is not needed, as a rule."""
        self.state = DtlsState.CONNECTED
        last_flight = self._flush(connection)
        self._farewell = Farewell.of(connection, last_flight)
        if self._farewell:
            self._ssl = None

    def _part(self, answer: bytes | None) -> None:
        if answer is None:
            self.state = DtlsState.ENDED
        elif answer:
            self._outbound.append(answer)

    def _read(self, connection: SSL.Connection) -> None:
        """Let OpenSSL answer a repeated flight; data of the peer is dropped, its goodbye ends the association."""
        try:
            connection.recv(MAX_DATAGRAM)
        except SSL.ZeroReturnError:
            self.state = DtlsState.ENDED
        except SSL.Error:
            pass  # nothing to be read, or nothing of the peer's
        self._flush(connection)

    def _flush(self, connection: SSL.Connection) -> bytes:
        """What OpenSSL has written: one flight, which fits in one datagram."""
        try:
            flight: bytes = connection.bio_read(MAX_DATAGRAM)
        except SSL.Error:
            return b""  # nothing
        self._outbound.append(flight)
        return flight

    def _check_fingerprints(self, connection: SSL.Connection) -> None:
        """All that the offer named have to be the certificate's (RFC 8122 §6.2)."""
        certificate = connection.get_peer_certificate(as_cryptography=True)
        for named in self._remote:
            if certificate is None or certificate_digest(certificate, named.algorithm) != named.value:
                raise DtlsFailed("the DTLS certificate is not the one of the offer")


def _keys(connection: SSL.Connection) -> SrtpKeys:
    """Client key, server key, client salt, server salt (RFC 5764 §4.2); the client is the remote side."""
    chosen = connection.get_selected_srtp_profile()
    profile = next((item for item in PROFILES if item.openssl_profile == chosen), None)
    if profile is None:
        raise DtlsFailed("the client knows none of our SRTP profiles")
    key, salt = profile.key_length, profile.salt_length
    material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
    return SrtpKeys(
        profile=profile.openssl_profile.decode(),
        remote_key=material[:key],
        local_key=material[key : 2 * key],
        remote_salt=material[2 * key : 2 * key + salt],
        local_salt=material[2 * key + salt :],
    )
