"""What is left of a DTLS association once its keys are taken: enough for a lost flight and for a goodbye.

dtls (after the handshake) -> **farewell** -> `datagrams`

OpenSSL keeps 75 KiB for an association, most of it buffers for data that never comes: media goes by SRTP.  Two things
may still be said by DTLS.  A client that missed our last flight says its own again, and is answered with ours; and
either side may say goodbye.  That takes two keys, of DTLS 1.2 with AES_128_GCM_SHA256, which is what browsers choose;
with anything else OpenSSL stays (`dtls.py`).
"""

import hmac
import secrets
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from OpenSSL import SSL

VERSION: Final = "DTLSv1.2"
CIPHER: Final = "ECDHE-ECDSA-AES128-GCM-SHA256"

HEADER: Final = struct.Struct("!BHHHIH")
"""Type, version, epoch, sequence number in two parts, length (RFC 6347 §4.1)."""
ALERT, HANDSHAKE = 21, 22
DTLS_1_2: Final = 0xFEFD
KEYED_EPOCH: Final = 1
"""Of all that is encrypted under these keys: nobody negotiates again."""
CLOSE_NOTIFY: Final = b"\x01\x00"  # RFC 5246 §7.2.1
SEQUENCE: Final = 1_000
"""Of our goodbye: above those of our last flight, however often OpenSSL said it; a client takes any that is new."""
KEY, SALT, NONCE, TAG = 16, 4, 8, 16  # RFC 5288 §3


@dataclass(slots=True)
class Farewell:
    """The end of one association.  Send what its methods give."""

    _remote_key: bytes
    _local_key: bytes
    _remote_salt: bytes
    _local_salt: bytes
    _last_flight: bytes

    @classmethod
    def of(cls, connection: SSL.Connection, last_flight: bytes) -> Self | None:
        """Of an association whose handshake is done; None if OpenSSL has to stay."""
        if (connection.get_protocol_version_name(), connection.get_cipher_name()) != (VERSION, CIPHER):
            return None
        secret, ours, theirs = connection.master_key(), connection.server_random(), connection.client_random()
        if not (secret and ours and theirs):
            return None
        block = _expanded(secret, b"key expansion" + ours + theirs, 2 * (KEY + SALT))  # RFC 5246 §6.3
        client_key, server_key, salts = block[:KEY], block[KEY : 2 * KEY], block[2 * KEY :]
        return cls(client_key, server_key, salts[:SALT], salts[SALT:], last_flight)

    def receive(self, datagram: bytes) -> bytes | None:
        """What to answer; None: the peer has said goodbye.  Whatever is not the peer's is dropped."""
        for kind, plain in self._opened(datagram):
            if kind == ALERT and plain[1:] == CLOSE_NOTIFY[1:]:
                return None
            if kind == HANDSHAKE:
                return self._last_flight
        return b""

    def goodbye(self) -> bytes:
        """Our close_notify."""
        nonce = secrets.token_bytes(NONCE)
        sealed = AESGCM(self._local_key).encrypt(
            self._local_salt + nonce, CLOSE_NOTIFY, _authenticated(ALERT, SEQUENCE, len(CLOSE_NOTIFY))
        )
        return _header(ALERT, SEQUENCE, NONCE + len(sealed)) + nonce + sealed

    def _opened(self, datagram: bytes) -> Iterator[tuple[int, bytes]]:
        """Type and text of each record that is the peer's."""
        while len(datagram) >= HEADER.size:
            kind, version, epoch, high, low, length = HEADER.unpack_from(datagram)
            body, datagram = datagram[HEADER.size : HEADER.size + length], datagram[HEADER.size + length :]
            if (version, epoch) == (DTLS_1_2, KEYED_EPOCH) and len(body) == length >= NONCE + TAG:
                plain = self._open(kind, high << 32 | low, body)
                if plain is not None:
                    yield kind, plain

    def _open(self, kind: int, sequence: int, body: bytes) -> bytes | None:
        about = _authenticated(kind, sequence, len(body) - NONCE - TAG)
        try:
            return AESGCM(self._remote_key).decrypt(self._remote_salt + body[:NONCE], body[NONCE:], about)
        except InvalidTag:
            return None


def _header(kind: int, sequence: int, length: int) -> bytes:
    return HEADER.pack(kind, DTLS_1_2, KEYED_EPOCH, sequence >> 32, sequence & 0xFFFF_FFFF, length)


def _authenticated(kind: int, sequence: int, length: int) -> bytes:
    """The header as it is authenticated, `length` being that of the text (RFC 6347 §4.1.2.1, RFC 5246 §6.2.3.3)."""
    return struct.pack("!HHIBHH", KEYED_EPOCH, sequence >> 32, sequence & 0xFFFF_FFFF, kind, DTLS_1_2, length)


def _expanded(secret: bytes, seed: bytes, size: int) -> bytes:
    """P_SHA256 (RFC 5246 §5)."""
    found, chained = b"", seed
    while len(found) < size:
        chained = hmac.digest(secret, chained, "sha256")
        found += hmac.digest(secret, chained + seed, "sha256")
    return found[:size]
