"""Records RTP payloads of real encoders, for the core's codecs to be tried on.

    python sfu/core/tests/vectors/record_payloads.py

VP8, H.264 and AV1 are packetized by libavformat.  Its VP9 descriptor does not tell keyframes, so that one is written
here.  Packets are small, so that a frame takes several; the picture is no multiple of a macroblock, so that it is
cropped.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np

WIDTH, HEIGHT = 130, 98
FRAMES, KEYFRAME_EVERY = 4, 2
PACKET_OCTETS = 220
RTP_HEADER = struct.Struct("!BBHII")
CONTAINER_OPTIONS = {"packetsize": str(PACKET_OCTETS), "strict": "experimental"}
X264 = "keyint=2:min-keyint=2:scenecut=0:sliced-threads=0:slices=1:threads=1:repeat-headers=1"
SVT = "keyint=2:pred-struct=1:lookahead=0:scd=0:lp=1"
VPX = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": "2", "keyint_min": "2", "threads": "1"}
ENCODERS = {
    "VP8": ("libvpx", VPX | {"b": "200k", "auto-alt-ref": "0"}),
    "VP9": ("libvpx-vp9", VPX | {"b": "200k", "row-mt": "0"}),
    "H264": ("libx264", {"profile": "baseline", "tune": "zerolatency", "crf": "38", "x264-params": X264}),
    "AV1": ("libsvtav1", {"preset": "12", "crf": "50", "svtav1-params": SVT}),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """What an encoder made of one picture."""

    key: bool
    payloads: list[bytes]


class Packets:
    """Stands for the file into which libavformat writes RTP packets."""

    def __init__(self) -> None:
        self.media: list[tuple[int, bytes]] = []
        """Timestamp and payload."""

    def write(self, packet: bytes) -> int:
        """One packet; sender reports between them are left out."""
        _, second, _, timestamp, _ = RTP_HEADER.unpack_from(packet)
        if not 200 <= second <= 207:
            self.media.append((timestamp, packet[RTP_HEADER.size :]))
        return len(packet)


def pictures() -> Iterator[av.VideoFrame]:
    """A square that moves over a shade."""
    shade = np.add.outer(np.arange(HEIGHT), np.arange(WIDTH)).astype(np.uint8)
    for index in range(FRAMES):
        picture = np.stack([shade] * 3, axis=-1)
        picture[20:60, 10 + 20 * index : 50 + 20 * index] = (200, 40, 90)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
        frame.pts = index
        yield frame


def recorded(encoder: str, options: dict[str, str]) -> tuple[list[av.Packet[av.VideoStream]], Packets]:
    """What an encoder makes of the pictures, and libavformat of that."""
    sink, encoded = Packets(), list[av.Packet[av.VideoStream]]()
    with av.open(sink, "w", format="rtp", container_options=CONTAINER_OPTIONS) as output:
        stream = cast("av.VideoStream", output.add_stream(encoder, rate=25, options=options))
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in [*pictures(), None]:
            for packet in stream.encode(frame):
                encoded.append(packet)
                output.mux(packet)
    return encoded, sink


def frames_of(encoder: str, options: dict[str, str]) -> list[Frame]:
    """Frames in the packets of libavformat."""
    encoded, sink = recorded(encoder, options)
    grouped = [[payload for _, payload in group] for _, group in itertools.groupby(sink.media, key=lambda it: it[0])]
    return [Frame(packet.is_keyframe, payloads) for packet, payloads in zip(encoded, grouped, strict=True)]


def vp9_payloads(number: int, packet: av.Packet[av.VideoStream]) -> Iterator[bytes]:
    """RFC 9628: I, P without keyframe, B and E; a picture id of 15 bits."""
    octets, size = bytes(packet), PACKET_OCTETS - RTP_HEADER.size - 3
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)]
    for index, piece in enumerate(pieces):
        start, end = index == 0, index == len(pieces) - 1
        first = 0x80 | (not packet.is_keyframe) << 6 | start << 3 | end << 2
        yield struct.pack("!BH", first, 0x8000 | number) + piece


def vp9_frames(encoder: str, options: dict[str, str]) -> list[Frame]:
    """Frames in packets made here."""
    encoded, _ = recorded(encoder, options)
    return [
        Frame(packet.is_keyframe, list(vp9_payloads(number, packet))) for number, packet in enumerate(encoded, start=7)
    ]


def lines() -> Iterator[str]:
    """One line a stream or a packet: whether it is its frame's first, whether of a keyframe, and the payload."""
    for name, (encoder, options) in ENCODERS.items():
        yield f"stream {name} {WIDTH} {HEIGHT}\n"
        frames = vp9_frames(encoder, options) if name == "VP9" else frames_of(encoder, options)
        for frame in frames:
            for index, payload in enumerate(frame.payloads):
                yield f"packet {int(index == 0)} {int(frame.key)} {payload.hex()}\n"


if __name__ == "__main__":
    Path(__file__).with_name("payloads.txt").write_text("".join(lines()))
