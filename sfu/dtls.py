"""DTLS of one peer: aiortc's transport over the core's datagrams, always the passive side.

core -> `receive` -> **dtls** -> SRTP keys -> core

Everything private of aiortc that the node touches is in this file: `RTCDtlsTransport._set_role`, `_srtp_profiles`,
`_ssl`, `_setup_srtp`, `_set_state`, `_state`, `State`, `SRTP_*` and `RTCCertificate._create_ssl_context`.
`tests/sfu/test_dtls.py` fails when one of them changes.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, cast

from aiortc import RTCIceTransport
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsFingerprint, RTCDtlsParameters, RTCDtlsTransport
from OpenSSL import SSL

from sfu.errors import DtlsFailed
from sfu.sdp.values import Fingerprint

INBOUND_DATAGRAMS = 64
"""Bound of one peer's inbound queue; a handshake has about 10.  When full the newest is dropped: DTLS repeats it."""

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

    def _create_ssl_context(self, srtp_profiles: list[aiortc_dtls.SRTPProtectionProfile]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @property
    def fingerprint(self) -> Fingerprint:
        """SHA-256, for the answer."""
        found = next(item for item in self.getFingerprints() if item.algorithm == "sha-256")
        return Fingerprint(found.algorithm, found.value)


class _Pump:
    """What `RTCDtlsTransport` needs of an ICE transport: datagrams in order, and a way out."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send_datagram = send
        self._inbound: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self.closed = False

    def put(self, datagrams: Iterable[bytes]) -> None:
        for datagram in datagrams:
            # RFC 7983 §7: 20..63 is DTLS.  The core sends us nothing else; an empty one would end aiortc's loop.
            if datagram and 20 <= datagram[0] <= 63 and len(self._inbound) < INBOUND_DATAGRAMS:
                self._inbound.append(datagram)
        self._arrived.set()

    def close(self) -> None:
        self.closed = True
        self._arrived.set()

    async def _recv(self) -> bytes:
        while not self._inbound:
            if self.closed:
                raise ConnectionError
            self._arrived.clear()
            await self._arrived.wait()
        return self._inbound.popleft()

    async def _send(self, datagram: bytes) -> None:
        if not self.closed:
            self._send_datagram(datagram)


class _Transport(RTCDtlsTransport):
    """aiortc's transport, which keeps the SRTP keys instead of making SRTP sessions: packets are the core's."""

    def __init__(self, pump: _Pump, certificate: NodeCertificate) -> None:
        super().__init__(cast("RTCIceTransport", pump), [certificate])
        self.keys: SrtpKeys | None = None
        self._set_role("server")
        self._srtp_profiles = PROFILES

    def _setup_srtp(self) -> None:
        if self._ssl is None:
            raise DtlsFailed("the handshake has not begun")
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((item for item in PROFILES if item.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(aiortc_dtls.State.FAILED)
            return
        self.keys = _export(self._ssl, profile)


def _export(connection: SSL.Connection, profile: aiortc_dtls.SRTPProtectionProfile) -> SrtpKeys:
    """Client key, server key, client salt, server salt (RFC 5764 §4.2); the client is the remote side."""
    key, salt = profile.key_length, profile.salt_length
    material = connection.export_keying_material(b"EXTRACTOR-dtls_srtp", 2 * (key + salt))
    return SrtpKeys(
        profile=profile.openssl_profile.decode(),
        remote_key=material[:key],
        local_key=material[key : 2 * key],
        remote_salt=material[2 * key : 2 * key + salt],
        local_salt=material[2 * key + salt :],
    )


class DtlsSession:
    """The DTLS association of one peer.

    Owned by its session, which feeds it and closes it.  `ended` is called once if the peer ends the association.
    """

    def __init__(
        self,
        certificate: NodeCertificate,
        remote: tuple[Fingerprint, ...],
        *,
        send: Callable[[bytes], None],
        ended: Callable[[], None],
    ) -> None:
        self._remote = RTCDtlsParameters(
            fingerprints=[RTCDtlsFingerprint(item.algorithm, item.value) for item in remote], role="client"
        )
        self._ended = ended
        self._pump = _Pump(send)
        self._transport = _Transport(self._pump, certificate)

    def receive(self, datagrams: Iterable[bytes]) -> None:
        """DTLS datagrams from the peer's validated address, in order."""
        self._pump.put(datagrams)

    async def handshake(self, timeout_s: float) -> SrtpKeys:
        """Wait for the client's handshake; DtlsFailed if it does not end in keys for the right certificate."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._transport.start(self._remote)
        except TimeoutError:
            raise DtlsFailed(f"no DTLS handshake within {timeout_s:g} s") from None
        if self._transport.state != "connected" or self._transport.keys is None:
            raise DtlsFailed("the DTLS handshake failed")
        self._transport.on("statechange", self._on_state)
        return self._transport.keys

    def _on_state(self) -> None:
        if self._transport.state == "closed" and not self._pump.closed:
            self._ended()

    async def close(self) -> None:
        """Say goodbye to the peer if it is there, and end; closing twice is harmless."""
        if not self._pump.closed:
            await self._transport.stop()
            self._pump.close()
