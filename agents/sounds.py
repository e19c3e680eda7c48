"""The sound of a file as Opus, and how loud each packet is.

packets → **sounds** → clip

Opus stays as it is in the file; anything else that FFmpeg reads is encoded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np

from agents.errors import ClipError
from agents.packets import seconds

AUDIO_CLOCK: Final = 48_000
SILENT: Final = 127
"""RFC 6464: -127 dBov or less."""

TimedSound = tuple[Fraction, bytes, int]
"""Seconds, Opus packet, level."""


def sounds_of(path: Path, stream: av.AudioStream, packets: list[av.Packet[Any]]) -> list[TimedSound]:
    """The file's sound as Opus."""
    own = [packet for packet in packets if packet.stream is stream]
    try:
        if stream.codec_context.name in ("opus", "libopus"):
            return _with_levels(_regular(own))
        return _with_levels(list(_as_opus(stream, own)))
    except av.FFmpegError as error:
        raise ClipError(path, f"is damaged: its sound cannot be decoded ({error.strerror})") from None


def _regular(packets: list[av.Packet[Any]]) -> list[tuple[Fraction, bytes]]:
    """Containers round to milliseconds; the packets' own lengths are exact.  Real gaps stay."""
    regular: list[tuple[Fraction, bytes]] = []
    expected: Fraction | None = None
    for packet in packets:
        payload, at = bytes(packet), seconds(packet)
        if expected is None or abs(at - expected) > Fraction(1, 50):
            expected = at
        regular.append((expected, payload))
        expected += opus_duration(payload)
    return regular


def _as_opus(stream: av.AudioStream, packets: list[av.Packet[Any]]) -> Iterator[tuple[Fraction, bytes]]:
    """Any other codec, as Opus: 20 ms packets, stereo, 64 kbit/s."""
    encoder = _opus_encoder()
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=AUDIO_CLOCK, frame_size=AUDIO_CLOCK // 50)
    for packet in [*packets, None]:
        for frame in stream.codec_context.decode(packet):
            for part in resampler.resample(frame):
                yield from _opus_packets(encoder, part)
    for part in resampler.resample(None):
        yield from _opus_packets(encoder, part)
    yield from _opus_packets(encoder, None)


def _opus_encoder() -> av.AudioCodecContext:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.bit_rate, encoder.format, encoder.layout = 64_000, "s16", "stereo"
    encoder.sample_rate, encoder.time_base = AUDIO_CLOCK, Fraction(1, AUDIO_CLOCK)
    return encoder


def _opus_packets(encoder: av.AudioCodecContext, frame: av.AudioFrame | None) -> Iterator[tuple[Fraction, bytes]]:
    for packet in encoder.encode(frame):
        yield Fraction(packet.pts or 0, AUDIO_CLOCK), bytes(packet)


def _with_levels(sounds: list[tuple[Fraction, bytes]]) -> list[TimedSound]:
    """Decode once: the levels tell the node who speaks, and a damaged packet is found."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "stereo", AUDIO_CLOCK
    levelled = []
    for at, payload in sounds:
        samples = [frame.to_ndarray() for frame in decoder.decode(av.Packet(payload))]
        levelled.append((at, payload, _level(np.concatenate(samples, axis=1)) if samples else SILENT))
    return levelled


def _level(samples: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> int:
    """RFC 6464: root mean square over full scale, in -dBov."""
    rms = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2))) / 32768
    return SILENT if rms < 10 ** (-SILENT / 20) else min(SILENT, round(-20 * np.log10(rms)))


def opus_duration(payload: bytes) -> Fraction:
    """Seconds in an Opus packet, from its first bytes (RFC 6716 §3.1, §3.2)."""
    config, code = payload[0] >> 3, payload[0] & 3
    if config < 12:
        frame_ms = (10, 20, 40, 60)[config & 3]
    elif config < 16:
        frame_ms = (10, 20)[config & 1]
    else:
        return Fraction((5, 10, 20, 40)[config & 3], 2000) * _frame_count(code, payload)
    return Fraction(frame_ms, 1000) * _frame_count(code, payload)


def _frame_count(code: int, payload: bytes) -> int:
    if code < 3:
        return (1, 2, 2)[code]
    return payload[1] & 0x3F if len(payload) > 1 else 1


def silence() -> bytes:
    """20 ms of silence as an Opus packet."""
    encoder = _opus_encoder()
    payload = b""
    for _ in range(5):  # the first ones carry the encoder's warming up
        frame = av.AudioFrame(format="s16", layout="stereo", samples=AUDIO_CLOCK // 50)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate = AUDIO_CLOCK
        payload = b"".join(bytes(packet) for packet in encoder.encode(frame)) or payload
    return payload
