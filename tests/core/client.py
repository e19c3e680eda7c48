"""A device as the core sees it: one UDP socket, real STUN checks, real SRTP (libsrtp), packets written by hand."""

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from aioice import stun
from pylibsrtp import Policy, Session

from sfu._core import Core, Event
from sfu.media import Codec, Extensions, Layer, PeerMedia, SenderConfig, TrackConfig

PASSWORD = "0123456789abcdefghijkl"
GCM = "SRTP_AEAD_AES_128_GCM"
PATIENCE_S = 5.0
"""How long a condition that must come true is waited for; on an idle machine it takes milliseconds."""

MID, DEPENDENCY = 1, 6
"""Ids of header extensions."""

VP8 = Codec(payload_type=96, name="VP8", key="VP8", clock_rate=90_000, rtx_payload_type=97, nack=True, pli=True)
OPUS = Codec(payload_type=111, name="opus", key="opus", clock_rate=48_000, rtx_payload_type=None, nack=False, pli=False)

PUBLISHER = PeerMedia(
    tracks=(
        TrackConfig(mid="0", kind="video", codecs=(VP8,), layers=(Layer(rid=None, ssrc=7, rtx_ssrc=8),)),
        TrackConfig(mid="1", kind="audio", codecs=(OPUS,), layers=(Layer(rid=None, ssrc=9, rtx_ssrc=None),)),
    ),
    senders=(),
    extensions=Extensions(mid=1, audio_level=5),
    transport_cc=False,
    rtcp_ssrc=1,
)
VIEWER = PeerMedia(
    tracks=(),
    senders=(
        SenderConfig(mid="0", kind="video", ssrc=100, rtx_ssrc=101, cname="seat", codecs=(VP8,), transport_cc=False),
        SenderConfig(mid="1", kind="audio", ssrc=200, rtx_ssrc=None, cname="seat", codecs=(OPUS,), transport_cc=False),
    ),
    extensions=Extensions(mid=1),
    transport_cc=False,
    rtcp_ssrc=1,
)


@dataclass(frozen=True, slots=True)
class Rtp:
    """One decrypted media packet."""

    ssrc: int
    payload_type: int
    sequence: int
    payload: bytes


def parse_rtp(data: bytes) -> Rtp:
    first, second, sequence, _timestamp, ssrc = struct.unpack("!BBHLL", data[:12])
    start = 12
    if first & 0x10:
        (words,) = struct.unpack("!H", data[14:16])
        start += 4 + 4 * words
    end = len(data) - (data[-1] if first & 0x20 else 0)
    return Rtp(ssrc=ssrc, payload_type=second & 0x7F, sequence=sequence, payload=data[start:end])


def rtp(
    *,
    ssrc: int,
    payload_type: int,
    sequence: int,
    timestamp: int,
    payload: bytes,
    marker: bool = False,
    mid: str = "",
    dependency: bytes = b"",
    padding: int = 0,
) -> bytes:
    """With a MID (RFC 9143), a dependency descriptor and so many octets of padding, if any."""
    extensions = _extensions({MID: mid.encode(), DEPENDENCY: dependency})
    first = 0x80 | (0x10 if extensions else 0) | (0x20 if padding else 0)
    second = payload_type | (0x80 if marker else 0)
    head = struct.pack("!BBHLL", first, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + extensions + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def _extensions(values: dict[int, bytes]) -> bytes:
    """RFC 8285 §4: in the one-byte form if all fit it; what is empty is left out."""
    values = {number: value for number, value in values.items() if value}
    if not values:
        return b""
    is_short = all(len(value) <= 16 for value in values.values())
    heads = {n: bytes([n << 4 | len(one) - 1]) if is_short else bytes([n, len(one)]) for n, one in values.items()}
    elements = b"".join(heads[number] + value for number, value in values.items())
    words = -(-len(elements) // 4)
    return struct.pack("!HH", 0xBEDE if is_short else 0x1000, words) + elements.ljust(4 * words, b"\0")


def vp8_payload(*, picture: int, keyframe: bool, size: int = 200) -> bytes:
    head = bytes([0x90, 0xE0]) + struct.pack("!H", 0x8000 | picture) + bytes([picture & 0xFF, 0x20, not keyframe])
    return head.ljust(size, b"v")


@dataclass
class Client:
    """Owns its socket; `close` ends it."""

    core: Core
    peer: int
    ufrag: str
    port: int
    socket: "socket.socket" = field(init=False)

    def __post_init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", self.port))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    @classmethod
    def add(cls, core: Core, name: str, *, worker: int = 0) -> Self:
        ufrag = f"ufrag-{name}"
        peer = core.add_peer(worker, ufrag, PASSWORD)
        return cls(core=core, peer=peer, ufrag=ufrag, port=core.ports[worker])

    def check(self, *, ufrag: str | None = None, password: str = PASSWORD, nominate: bool = True) -> None:
        """Send one connectivity check."""
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{ufrag or self.ufrag}:theirs"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 5
        if nominate:
            request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(password.encode())
        self.socket.send(bytes(request))

    def connect(self, media: PeerMedia, *, profile: str = GCM) -> None:
        """Validate the address, then agree on keys and media."""
        self.check()
        answer = stun.parse_message(self.socket.recv(2_000))
        assert answer.check_message_integrity(PASSWORD.encode())
        assert answer.message_class == stun.Class.RESPONSE
        key, salt, native = {
            GCM: (16, 12, Policy.SRTP_PROFILE_AEAD_AES_128_GCM),
            "SRTP_AES128_CM_SHA1_80": (16, 14, Policy.SRTP_PROFILE_AES128_CM_SHA1_80),
        }[profile]
        own = (bytes([self.peer % 251]) * key, b"a" * salt)
        theirs = (bytes([self.peer % 251 + 1]) * key, b"b" * salt)
        outbound = Policy(key=b"".join(own), ssrc_type=Policy.SSRC_ANY_OUTBOUND, srtp_profile=native)
        inbound = Policy(key=b"".join(theirs), ssrc_type=Policy.SSRC_ANY_INBOUND, srtp_profile=native)
        self.sealing, self.opening = Session(outbound), Session(inbound)
        self.core.set_media(self.peer, media)
        self.core.set_keys(self.peer, profile, own[0], own[1], theirs[0], theirs[1])

    def send_rtp(self, packet: bytes) -> bytes:
        sealed = self.sealing.protect(packet)
        self.socket.send(sealed)
        return sealed

    def send_rtcp(self, packet: bytes) -> None:
        self.socket.send(self.sealing.protect_rtcp(packet))

    def receive(self, wanted: Callable[[bytes], bool]) -> bytes:
        """The next datagram of a kind, still protected; others are dropped."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            datagram = self.socket.recv(2_000)
            if wanted(datagram):
                return datagram
        raise TimeoutError("the datagram never came")

    def receive_rtp(self) -> Rtp:
        return parse_rtp(self.opening.unprotect(self.receive(is_rtp)))

    def receive_rtcp(self, packet_type: int) -> bytes:
        """The next RTCP datagram that begins with this packet type."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            plain: bytes = self.opening.unprotect_rtcp(self.receive(is_rtcp))
            if plain[1] == packet_type:
                return plain
        raise TimeoutError(f"no RTCP packet {packet_type}")


def is_rtcp(datagram: bytes) -> bool:
    return datagram[0] >= 128 and 192 <= datagram[1] <= 223


def is_rtp(datagram: bytes) -> bool:
    return datagram[0] >= 128 and not 192 <= datagram[1] <= 223


def wait_for_event(core: Core, wanted: Callable[[Event], bool]) -> list[Event]:
    """All events up to and with the batch in which the wanted one came."""
    seen: list[Event] = []
    deadline = time.monotonic() + PATIENCE_S
    while not any(wanted(event) for event in seen):
        assert time.monotonic() < deadline, f"only {seen}"
        seen += core.events()
        time.sleep(0.001)
    return seen


def wait_for_counter(core: Core, name: str, at_least: int) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while core.counters()[name] < at_least:
        assert time.monotonic() < deadline, f"{name} is {core.counters()[name]}, not {at_least}"
        time.sleep(0.001)


@contextmanager
def watched(core: Core, *, profile: str = GCM) -> Iterator[tuple[Client, Client]]:
    """Alice, who publishes, and Bob, who is shown her video."""
    with Client.add(core, "alice") as alice, Client.add(core, "bob") as bob:
        alice.connect(PUBLISHER, profile=profile)
        bob.connect(VIEWER, profile=profile)
        core.show(bob.peer, "0", (alice.peer, "0"))
        yield alice, bob
