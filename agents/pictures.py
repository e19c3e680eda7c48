"""The pictures of a file, in a codec that WebRTC carries.

packets → **pictures** → clip

VP8 and constrained-baseline H.264 stay as they are in the file; anything else that FFmpeg reads is encoded once.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from agents import marks
from agents.encoder import PictureEncoder, VideoCodec, picture_decoder
from agents.errors import ClipError
from agents.packets import seconds

VIDEO_CLOCK: Final = 90_000

MAX_ENCODED_S: Final = 600
"""A clip that has to be encoded is done while its user waits, at some 10 to 20 times its speed."""
CHECKED_S: Final = 60
"""Pictures up to here are decoded once to see that they can be."""
SEI, DELIMITER, PARAMETER_SETS = 6, 9, (7, 8)
"""H.264 NAL unit types (ITU-T H.264 table 7-1)."""

TimedPicture = tuple[Fraction, bytes, bool]
"""Seconds, payload, whether it is a keyframe."""


def pictures_of(
    path: Path, stream: av.VideoStream, packets: list[av.Packet[Any]]
) -> tuple[VideoCodec, bool, list[TimedPicture]]:
    """Every frame, and whether these are the file's own."""
    own = [packet for packet in packets if packet.stream is stream]
    name = stream.codec_context.name
    if name in ("vp8", "libvpx"):
        return "VP8", True, [(seconds(p), bytes(p), p.is_keyframe) for p in own]
    if name == "h264" and _is_plain_h264(stream, own):
        return "H264", True, _annex_b(stream, own)
    return "VP8", False, list(_encoded(path, stream, own))


def _is_plain_h264(stream: av.VideoStream, packets: list[av.Packet[Any]]) -> bool:
    """(Constrained) Baseline, shown in the order it is sent: what 42e01f promises (RFC 6184 §8.1)."""
    in_order = all(a.pts < b.pts for a, b in itertools.pairwise(packets) if a.pts and b.pts)
    return in_order and "Baseline" in str(stream.codec_context.profile)


def _annex_b(stream: av.VideoStream, packets: list[av.Packet[Any]]) -> list[TimedPicture]:
    """Length-prefixed units (MP4, Matroska) become start codes, parameter sets go in front of keyframes."""
    convert = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
    converted = [out for packet in packets for out in convert.filter(packet)] + list(convert.filter(None))
    return [(seconds(packet), _essential(bytes(packet)), packet.is_keyframe) for packet in converted]


def _essential(unit: bytes) -> bytes:
    """An access unit without delimiters and SEI, parameter sets first: a keyframe is known by its first packet."""
    # RFC 6184 lets a receiver find the start of a keyframe by its SPS; x264 writes 700 bytes of SEI before it.
    nals = [nal for nal in re.split(b"\x00*\x00\x00\x01", unit) if nal and nal[0] & 31 not in (SEI, DELIMITER)]
    nals.sort(key=lambda nal: nal[0] & 31 not in PARAMETER_SETS)
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)


def _encoded(path: Path, stream: av.VideoStream, packets: list[av.Packet[Any]]) -> Iterator[TimedPicture]:
    """Any other codec, as VP8."""
    if seconds(packets[-1]) - seconds(packets[0]) > MAX_ENCODED_S:
        codec = stream.codec_context.name
        raise ClipError(
            path, f"is {codec} and longer than {MAX_ENCODED_S} s: convert it to VP8 or baseline H.264 first"
        )
    encoder: PictureEncoder | None = None
    for frame in _frames(stream, packets):
        if encoder is None:
            encoder = PictureEncoder("VP8", frame.width & ~1, frame.height & ~1)
        at = Fraction(frame.pts or 0) * Fraction(frame.time_base or Fraction(1, VIDEO_CLOCK))
        payload, keyframe = encoder.encode(frame, keyframe=False)
        if payload:
            yield at, payload, keyframe


def _frames(stream: av.VideoStream, packets: list[av.Packet[Any]]) -> Iterator[av.VideoFrame]:
    for packet in [*packets, None]:
        yield from stream.codec_context.decode(packet)


def check_pictures(path: Path, codec: VideoCodec, pictures: list[TimedPicture]) -> av.VideoFrame:
    """Decode the first minute; the first picture, without its strip, is what is shown while waiting."""
    if not pictures:
        raise ClipError(path, "has a picture track without pictures")
    if not pictures[0][2]:
        raise ClipError(path, "does not start with a keyframe")
    decoder, first = picture_decoder(codec), None
    for at, payload, _ in pictures:
        if at > CHECKED_S:
            break
        try:
            frames = decoder.decode(av.Packet(payload))
        except av.FFmpegError as error:
            raise ClipError(
                path, f"is damaged: the picture at {float(at):.2f} s cannot be decoded ({error.strerror})"
            ) from None
        if any(frame.is_corrupt for frame in frames):
            raise ClipError(path, f"is damaged: the picture at {float(at):.2f} s is incomplete")
        first = first or next(iter(frames), None)
    if first is None:
        raise ClipError(path, "has no picture that can be decoded")
    return _without_strip(first)


def _without_strip(frame: av.VideoFrame) -> av.VideoFrame:
    yuv = frame.reformat(format="yuv420p").to_ndarray()
    luma: marks.Luma = yuv[: frame.height].astype(np.uint8, copy=False)
    if marks.read(luma) is not None:
        marks.erase(luma)
    return av.VideoFrame.from_ndarray(yuv, format="yuv420p")
