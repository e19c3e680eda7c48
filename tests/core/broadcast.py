"""A publisher who does odd things to his stream, and a viewer who decodes what comes of it.

footage -> **broadcast** (RTP) -> core -> **broadcast** (in order, missing packets asked for) -> footage
"""

from __future__ import annotations

import itertools
import select
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Protocol

from sfu._core import Core
from sfu.media import Codec, Extensions, Layer, PeerMedia, SenderConfig, TrackConfig
from tests.core.client import DEPENDENCY, MID, Client, is_rtcp, rtp
from tests.core.footage import CYCLE, FPS, TICKS, Camera, Form, Screen, Way, number_of

SEAT, SEAT_RTX = 100, 101
PLI, NACK, PSFB, RTPFB, RECEIVER_REPORT = 1, 1, 206, 205, 201
REPORT_EVERY_S: Final = 1.0
TELL_EVERY_S: Final = 0.2
SSRC, RTX = 11, 12
ONE_LAYER = (Layer(rid=None, ssrc=SSRC, rtx_ssrc=RTX),)
SIZES = ((160, 96, 100), (320, 192, 300))
"""Width, height and kbit/s of each of two layers."""
LAYERS = (Layer(rid="q", ssrc=SSRC, rtx_ssrc=RTX), Layer(rid="f", ssrc=21, rtx_ssrc=22))
ASK_AGAIN_S: Final = 0.1
MOST_OFF_S: Final = 2.0
"""Between timestamps and time, on a machine that is late with frames; what is not carried over is off by hours."""
PATIENCE_S: Final = 5.0


def codec(way: Form, payload_type: int = 96) -> Codec:
    return Codec(
        payload_type=payload_type,
        name=way.name,
        key=way.key,
        clock_rate=90_000,
        rtx_payload_type=payload_type + 1,
        nack=True,
        pli=True,
    )


def publishes(codecs: Sequence[Codec], layers: Sequence[Layer]) -> PeerMedia:
    track = TrackConfig(mid="0", kind="video", codecs=tuple(codecs), layers=tuple(layers))
    extensions = Extensions(mid=MID, dependency=DEPENDENCY)
    return PeerMedia(tracks=(track,), senders=(), extensions=extensions, transport_cc=False, rtcp_ssrc=1)


def views(codecs: Sequence[Codec]) -> PeerMedia:
    sender = SenderConfig(
        mid="0",
        kind="video",
        ssrc=SEAT,
        rtx_ssrc=SEAT_RTX,
        cname="seat",
        codecs=tuple(codecs),
        transport_cc=False,
        dependency=True,
    )
    extensions = Extensions(mid=MID, dependency=DEPENDENCY)
    return PeerMedia(tracks=(), senders=(sender,), extensions=extensions, transport_cc=False, rtcp_ssrc=1)


def waiting(client: Client) -> list[bytes]:
    """What has come by now."""
    datagrams = []
    while select.select([client.socket], [], [], 0)[0]:
        datagrams.append(client.socket.recv(2_000))
    return datagrams


class Source(Protocol):
    """What an SSRC's packets come from."""

    ssrc: int
    wanted: bool

    def frame(self) -> list[bytes]:
        """The packets of the next frame, and its time passes."""


@dataclass
class Stream:
    """The packets of one SSRC."""

    camera: Camera
    ssrc: int
    payload_type: int = 96
    sequence: int = 100
    timestamp: int = 1_000_000
    mid: str = ""
    wanted: bool = True
    """A keyframe is to come next."""

    def frame(self) -> list[bytes]:
        """The packets of the next frame, and its time passes."""
        payloads = self.camera.frame(keyframe=self.wanted)
        self.wanted = False
        packets = [self._packet(payload, marker=payload is payloads[-1]) for payload in payloads]
        self.pause(1)
        return packets

    def padding(self, count: int) -> list[bytes]:
        """Packets without a payload, of the frame before (RFC 3550 §5.1), as browsers probe with."""
        self.timestamp -= TICKS
        packets = [self._packet(b"", padding=200) for _ in range(count)]
        self.timestamp += TICKS
        return packets

    def pause(self, frames: int) -> None:
        """Time passes."""
        self.timestamp += TICKS * frames

    def _packet(self, payload: bytes, *, marker: bool = False, padding: int = 0) -> bytes:
        packet = rtp(
            ssrc=self.ssrc,
            payload_type=self.payload_type,
            sequence=self.sequence,
            timestamp=self.timestamp,
            payload=payload,
            marker=marker,
            mid=self.mid,
            padding=padding,
        )
        self.sequence += 1
        return packet


def two_layers(way: Way) -> list[Stream]:
    """One stream for each, low and high, with the same pictures."""
    cameras = [Camera(way, width=width, height=height, kbps=kbps) for width, height, kbps in SIZES]
    return [Stream(camera, layer.ssrc or 0) for camera, layer in zip(cameras, LAYERS, strict=True)]


@dataclass(frozen=True, slots=True)
class Packet:
    """One that the viewer got."""

    payload_type: int
    marker: bool
    timestamp: int
    payload: bytes


@dataclass
class Viewing:
    """What a viewer gets, in the order of its numbers; what is missing is asked for."""

    client: Client
    ways: dict[int, Form]
    """By payload type."""
    numbers: list[int] = field(default_factory=list)
    """Of the pictures decoded, in the cycle."""
    heights: list[int] = field(default_factory=list)
    frames: int = 0
    timestamps: list[int] = field(default_factory=list)
    """Of the frames."""
    _got: dict[int, Packet] = field(default_factory=dict)
    _next: int | None = None
    _highest: int = 0
    _open: list[Packet] = field(default_factory=list)
    _screens: dict[int, Screen] = field(default_factory=dict)
    _asked: dict[int, float] = field(default_factory=dict)
    _began: tuple[float, int] | None = None
    _last: int = 0
    _reported: float = 0.0
    _carried: int | None = None
    _told: float = 0.0

    def look(self) -> None:
        """Take what has come, and decode the frames that are whole."""
        for datagram in waiting(self.client):
            if not is_rtcp(datagram):
                self._take(self.client.opening.unprotect(datagram))
        while self._next is not None and self._next in self._got:
            self._follow(self._got.pop(self._next))
            self._next += 1
        self._ask()

    def has_lines(self, height: int) -> bool:
        """The last picture has so many."""
        return self.heights[-1:] == [height]

    def is_whole(self) -> bool:
        """Nothing is missing, and the last frame has its end."""
        return not self._got and not self._open

    def _take(self, plain: bytes) -> None:
        first, second, sequence, timestamp, ssrc = struct.unpack("!BBHLL", plain[:12])
        start = 12 + (4 + 4 * struct.unpack("!H", plain[14:16])[0] if first & 0x10 else 0)
        payload = plain[start : len(plain) - (plain[-1] if first & 0x20 else 0)]
        payload_type = second & 0x7F
        if ssrc == SEAT_RTX:  # RFC 4588 §4
            (sequence,) = struct.unpack("!H", payload[:2])
            payload, payload_type = payload[2:], payload_type - 1
        else:
            assert ssrc == SEAT
        number = self._unwrapped(sequence)
        if self._next is not None and number < self._next:
            return
        assert number not in self._got, "a packet comes once"
        self._highest = max(self._highest, number)
        self._next = number if self._next is None else self._next
        self._got[number] = Packet(payload_type, bool(second & 0x80), timestamp, payload)

    def _unwrapped(self, sequence: int) -> int:
        if self._next is None:
            return 0x1_0000 + sequence
        ahead = (sequence - self._highest) & 0xFFFF
        return self._highest + (ahead - 0x1_0000 if ahead >= 0x8000 else ahead)

    def _follow(self, packet: Packet) -> None:
        if packet.payload:
            self._open.append(packet)
        if packet.payload and packet.marker:
            self._show(self._open)
            self._open = []

    def _show(self, packets: list[Packet]) -> None:
        (timestamp,) = {packet.timestamp for packet in packets}
        (payload_type,) = {packet.payload_type for packet in packets}
        self._keep_time(timestamp)
        way = self.ways[payload_type]
        pictures = self._screens.setdefault(payload_type, Screen(way)).decode(packet.payload for packet in packets)
        self.frames += 1
        self.timestamps.append(timestamp)
        self.numbers += [number_of(picture, way.drawn) for picture in pictures]
        self.heights += [picture.height for picture in pictures]

    def _keep_time(self, timestamp: int) -> None:
        """Timestamps go on, as fast as time does."""
        now = time.monotonic()
        if self._began is None:
            self._began = (now, timestamp)
        else:
            step = (timestamp - self._last) & 0xFFFFFFFF
            assert 0 < step < 0x8000_0000, "timestamps go on"
            passed = ((timestamp - self._began[1]) & 0xFFFFFFFF) / 90_000
            assert abs(passed - (now - self._began[0])) < MOST_OFF_S, "and keep time"
        self._last = timestamp

    def _ask(self) -> None:
        """NACKs, a packet each (RFC 4585 §6.2.1), and a report a second: who says nothing is taken for gone."""
        now = time.monotonic()
        if now - self._reported > REPORT_EVERY_S:
            self._reported = now
            self.client.send_rtcp(struct.pack("!BBHL", 0x80, RECEIVER_REPORT, 1, 1))
        if self._carried is not None and now - self._told > TELL_EVERY_S:
            self.tell(self._carried)
        for number in range(self._next or 0, max(self._got, default=0)):
            if number not in self._got and now - self._asked.get(number, 0.0) > ASK_AGAIN_S:
                self._asked[number] = now
                body = struct.pack("!LLHH", 1, SEAT, number & 0xFFFF, 0)
                self.client.send_rtcp(struct.pack("!BBH", 0x80 | NACK, RTPFB, 3) + body)

    def tell(self, kbps: int) -> None:
        """Say what the path carries (draft-alvestrand-rmcat-remb-03 §2.2), again and again from now on."""
        self._carried, self._told = kbps, time.monotonic()
        exponent = max(0, (kbps * 1_000).bit_length() - 18)
        rate = 1 << 24 | exponent << 18 | kbps * 1_000 >> exponent
        self.client.send_rtcp(struct.pack("!BBHLL4sLL", 0x8F, PSFB, 5, 1, 0, b"REMB", rate, SEAT))

    def is_unbroken(self, *, left_out: Sequence[int] = ()) -> bool:
        """Every frame gave a picture, and no picture is left out but so many each time that some are.

        None comes twice either, but in both sizes where the layer changes.
        """
        assert self.frames == len(self.numbers), "every frame is decoded"
        pictures = zip(self.numbers, self.heights, strict=True)
        steps = [((two[0] - one[0]) % CYCLE, two[1] != one[1]) for one, two in itertools.pairwise(pictures)]
        gaps = [step - 1 for step, resized in steps if step != 1 and not (step == 0 and resized)]
        assert gaps == [*left_out], self.numbers
        return True


class Broadcast:
    """Time passes frame by frame: publishers' packets go out, and what comes of them is decoded."""

    def __init__(self, publisher: Client, viewing: Viewing) -> None:
        self.publisher = publisher
        self.viewing = viewing
        self.streams: Sequence[Source] = ()
        """What is sent now."""
        self._due = time.monotonic()
        self._sent = self._taken()

    def run(self, frames: int) -> None:
        """So many frames of each stream."""
        for _ in range(frames):
            self.send(packet for stream in self.streams for packet in stream.frame())
            self.rest(1)

    def run_until(self, condition: Callable[[], bool], what: str, most: int) -> None:
        """Frames of each stream until it is true; AssertionError if so many are not enough."""
        for _ in range(most):
            if condition():
                return
            self.run(1)
        assert condition(), what

    def send(self, packets: Iterable[bytes]) -> None:
        for packet in packets:
            self.publisher.send_rtp(packet)
            self._sent += 1

    def rest(self, frames: int) -> None:
        """So much time passes without anything being sent."""
        for _ in range(frames):
            self._due += 1 / FPS
            time.sleep(max(0.0, self._due - time.monotonic()))
            self.viewing.look()
            self._hear()

    def settle(self) -> None:
        """Wait until all that was sent has come; AssertionError if something never does."""
        deadline = time.monotonic() + PATIENCE_S
        while self._taken() < self._sent or not self.viewing.is_whole():
            assert time.monotonic() < deadline, "packets are missing for ever"
            self.rest(1)
        self.rest(1)

    def _taken(self) -> int:
        """Packets of all publishers that the core has forwarded, or has no use for."""
        counters = self.publisher.core.counters()
        return counters["rtp_in"] + counters["srtp_replayed"]

    def _hear(self) -> None:
        for ssrc in keyframe_requests(self.publisher):
            for stream in self.streams:
                stream.wanted |= stream.ssrc == ssrc


def keyframe_requests(client: Client) -> Iterator[int]:
    """The SSRCs that keyframes are asked for."""
    for datagram in waiting(client):
        if is_rtcp(datagram):
            plain: bytes = client.opening.unprotect_rtcp(datagram)
            if plain[1] == PSFB and plain[0] & 0x1F == PLI:
                yield struct.unpack("!L", plain[8:12])[0]


@contextmanager
def on_air(core: Core, *ways: Form, layers: Sequence[Layer] = ONE_LAYER) -> Iterator[Broadcast]:
    """Alice, who publishes in these ways (payload types 96, 98, ...), and Bob, who views her."""
    codecs = [codec(way, 96 + 2 * index) for index, way in enumerate(ways)]
    with Client.add(core, "alice") as alice, Client.add(core, "bob") as bob:
        alice.connect(publishes(codecs, layers))
        bob.connect(views(codecs))
        core.show(bob.peer, "0", (alice.peer, "0"))
        yield Broadcast(alice, Viewing(bob, {one.payload_type: way for one, way in zip(codecs, ways, strict=True)}))
