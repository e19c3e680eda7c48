"""Records what libsrtp makes of fixed packets, for the core to be compared with.

    python sfu/core/tests/vectors/record_libsrtp.py

Each session starts shortly before a wrap of the sequence number, so the later packets prove the rollover counter.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from pylibsrtp import Policy, Session

KEY = bytes(range(0x40, 0x50))
SALT = bytes(range(0xA0, 0xAE))
SSRC = 0xDECAFBAD
FIRST_SEQUENCE = 65_530
PROFILES = (
    ("SRTP_AEAD_AES_128_GCM", Policy.SRTP_PROFILE_AEAD_AES_128_GCM, 12),
    ("SRTP_AES128_CM_SHA1_80", Policy.SRTP_PROFILE_AES128_CM_SHA1_80, 14),
)


def rtp_packet(count: int) -> bytes:
    """A packet with an extension in every second, and a payload that grows with its number."""
    sequence = (FIRST_SEQUENCE + count) % 65_536
    extension = struct.pack("!HHBBBB", 0xBEDE, 1, 0x10, count, 0, 0) if count % 2 else b""
    first = 0x90 if extension else 0x80
    return struct.pack("!BBHII", first, 96, sequence, count * 3000, SSRC) + extension + bytes(range(count * 7 % 200))


def rtcp_packet(count: int) -> bytes:
    """A receiver report with one block."""
    return struct.pack("!BBHIIIIIII", 0x81, 201, 7, SSRC, 1, count, 2, 3, 4, 5)


def lines() -> Iterator[str]:
    """One line a session's keys or a packet: its kind, plain and protected."""
    for name, profile, salt_len in PROFILES:
        salt = SALT[:salt_len]
        session = Session(Policy(key=KEY + salt, ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=profile))
        yield f"profile {name} {KEY.hex()} {salt.hex()}\n"
        for plain in map(rtp_packet, range(16)):
            yield f"rtp {plain.hex()} {session.protect(plain).hex()}\n"
        for plain in map(rtcp_packet, range(4)):
            yield f"rtcp {plain.hex()} {session.protect_rtcp(plain).hex()}\n"


if __name__ == "__main__":
    Path(__file__).with_name("libsrtp.txt").write_text("".join(lines()))
