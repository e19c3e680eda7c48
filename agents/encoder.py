"""Makes frames where a clip has none to pass through.

pictures (while a clip is loaded), tracks and bridge (while it is played) → **encoder** → one packet a frame

Three uses: a file in a codec that WebRTC does not carry is encoded once while it is loaded; a still is shown before the
clip starts; and a keyframe that a viewer asks for in the middle is bridged to the clip's next own one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final, Literal

import av

VideoCodec = Literal["VP8", "H264"]

BIT_RATE: Final = 1_000_000
KEYFRAME_EVERY: Final = 50
"""Frames; 2 s at 25 a second.  A viewer who needs one sooner asks."""

_VP8: Final = {"deadline": "realtime", "cpu-used": "6", "lag-in-frames": "0", "auto-alt-ref": "0", "partitions": "0"}
_H264: Final = {"preset": "veryfast", "tune": "zerolatency", "profile": "baseline", "level": "3.1"}


class PictureEncoder:
    """One encoder of either codec: a frame in, its one packet out, never late by a frame."""

    def __init__(self, codec: VideoCodec, width: int, height: int, *, bit_rate: int = BIT_RATE) -> None:
        context = av.CodecContext.create("libvpx" if codec == "VP8" else "libx264", "w")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.bit_rate, context.gop_size, context.max_b_frames = bit_rate, KEYFRAME_EVERY, 0
        context.time_base, context.framerate = Fraction(1, 25), Fraction(25)
        context.options = dict(_VP8 if codec == "VP8" else _H264)
        context.thread_count = 1
        self._context = context
        self._count = 0

    def encode(self, frame: av.VideoFrame, *, keyframe: bool) -> tuple[bytes, bool]:
        """The encoded frame (H.264: Annex B, parameter sets with each keyframe) and whether it is a keyframe."""
        context = self._context
        if frame.format.name != "yuv420p" or (frame.width, frame.height) != (context.width, context.height):
            frame = frame.reformat(width=context.width, height=context.height, format="yuv420p")
        frame.pts, frame.time_base = self._count, Fraction(1, 25)
        kinds = av.video.frame.PictureType
        frame.pict_type = kinds.I if keyframe or self._count == 0 else kinds.NONE
        self._count += 1
        packets = context.encode(frame)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)


def picture_decoder(codec: VideoCodec) -> av.VideoCodecContext:
    """A decoder that says when data is damaged instead of painting over it."""
    context = av.CodecContext.create("libvpx" if codec == "VP8" else "h264", "r")
    context.options = {"err_detect": "explode"}
    return context
