"""A media file, read whole, checked, and cut into what goes out as RTP.

file → **clip** → play → aiortc's packetiser

VP8 and constrained-baseline H.264 stay as they are in the file, and so does Opus; anything else that FFmpeg reads is
encoded once, here.  All of it is held in memory, so playing needs no thread, no disk and no decoder, and whatever is
wrong with a file is known before a call is placed.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import av.logging
import numpy as np

from agents import marks
from agents.encoder import PictureEncoder, VideoCodec, picture_decoder
from agents.errors import ClipError

VIDEO_CLOCK: Final = 90_000
AUDIO_CLOCK: Final = 48_000
GRID_S: Final = Fraction(1, 50)
"""A clip lasts a whole number of these, so that a loop's timestamps go on exactly in both clocks."""

MAX_BYTES: Final = 256 * 1024 * 1024
"""Of encoded media; a longer clip belongs into a track of one's own."""
MAX_ENCODED_S: Final = 600
"""A clip that has to be encoded is done while its user waits, at some 10 to 20 times its speed."""
CHECKED_S: Final = 60
"""Pictures up to here are decoded once to see that they can be."""
SEI, DELIMITER, PARAMETER_SETS = 6, 9, (7, 8)
"""H.264 NAL unit types (ITU-T H.264 table 7-1)."""
SILENT: Final = 127
"""RFC 6464: -127 dBov or less."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded frame."""

    payload: bytes
    """VP8 frame, or H.264 access unit in Annex B with the parameter sets in front of every keyframe."""
    at: int
    """90 kHz, from the start of the clip."""
    keyframe: bool


@dataclass(frozen=True, slots=True)
class Sound:
    """One Opus packet."""

    payload: bytes
    at: int
    """48 kHz, from the start of the clip."""
    level: int
    """RFC 6464 §3: 0 (loudest) to 127 (silence), -dBov."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A file ready to be sent."""

    path: Path
    codec: VideoCodec | None
    """None: no picture."""
    passed_through: bool
    """The pictures are the file's own."""
    pictures: tuple[Picture, ...]
    sounds: tuple[Sound, ...]
    duration: Fraction
    """Seconds, a multiple of 20 ms; a loop starts again then."""
    still: av.VideoFrame | None
    """The first picture without its strip: what is sent before the clip starts."""

    @classmethod
    def load(cls, path: Path | str) -> Clip:
        """Read, check and convert; blocks for a second or two.  ClipError names the file and what is wrong."""
        return _load(Path(path))


def _naming_the_file(load: Callable[[Path], Clip]) -> Callable[[Path], Clip]:
    """FFmpeg's and the system's errors, said about the file."""

    @functools.wraps(load)
    def wrapped(path: Path) -> Clip:
        try:
            return load(path)
        except FileNotFoundError:
            raise ClipError(path, "there is no such file") from None
        except IsADirectoryError:
            raise ClipError(path, "is a directory, not a media file") from None
        except PermissionError:
            raise ClipError(path, "may not be read") from None
        except av.InvalidDataError as error:
            raise ClipError(path, f"is damaged or no media file ({error.strerror})") from None
        except (av.FFmpegError, OSError) as error:
            raise ClipError(path, f"cannot be read ({error.strerror or error})") from None

    return wrapped


@_naming_the_file
def _load(path: Path) -> Clip:
    path.open("rb").close()  # FFmpeg's own messages for these are poor
    if path.is_dir():
        raise IsADirectoryError
    with _listening(path), av.open(str(path)) as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        if video is None and audio is None:
            raise ClipError(path, "has neither picture nor sound")
        packets = _packets(path, container)
        _check_whole(path, container.duration, packets)
        codec, passed, pictures = _pictures(path, video, packets) if video is not None else (None, False, [])
        sounds = _sounds(path, audio, packets) if audio is not None else []
    still = _check_pictures(path, codec, pictures) if codec is not None else None
    return _aligned(path, codec, passed, pictures, sounds, still)


@contextlib.contextmanager
def _listening(path: Path) -> Iterator[None]:
    """A demuxer steps over damage and only logs it: so what it logs is read."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as complaints:
            yield
    finally:
        av.logging.set_level(level)
    if complaints:
        raise ClipError(path, f"is damaged: {complaints[0][2].strip()}")


def _packets(path: Path, container: av.container.InputContainer) -> list[av.Packet[Any]]:
    """Every packet with data, in the file's order."""
    packets: list[av.Packet[Any]] = []
    size = 0
    for packet in container.demux():
        if packet.size == 0 or packet.pts is None:
            continue
        size += packet.size
        if size > MAX_BYTES:
            raise ClipError(path, f"has more than {MAX_BYTES >> 20} MB of media; an agent holds a clip in memory")
        packets.append(packet)
    if not packets:
        raise ClipError(path, "has no media in it")
    return packets


def _seconds(packet: av.Packet[Any]) -> Fraction:
    return Fraction(packet.pts or 0) * Fraction(packet.time_base.numerator, packet.time_base.denominator)


def _check_whole(path: Path, declared_us: int | None, packets: list[av.Packet[Any]]) -> None:
    """A file cut short still opens; its header tells on it."""
    last = max(_seconds(packet) for packet in packets)
    if declared_us is not None and last + 2 < Fraction(declared_us, 1_000_000):
        raise ClipError(path, f"is cut off: {float(last):.1f} s of {declared_us / 1e6:.1f} s are there")


# ── pictures ──


def _pictures(
    path: Path, stream: av.VideoStream, packets: list[av.Packet[Any]]
) -> tuple[VideoCodec, bool, list[tuple[Fraction, bytes, bool]]]:
    """(seconds, payload, keyframe) of every frame, in a codec that WebRTC carries."""
    own = [packet for packet in packets if packet.stream is stream]
    name = stream.codec_context.name
    if name in ("vp8", "libvpx"):
        return "VP8", True, [(_seconds(p), bytes(p), p.is_keyframe) for p in own]
    if name == "h264" and _is_plain_h264(stream, own):
        return "H264", True, _annex_b(stream, own)
    return "VP8", False, list(_encoded(path, stream, own))


def _is_plain_h264(stream: av.VideoStream, packets: list[av.Packet[Any]]) -> bool:
    """(Constrained) Baseline, shown in the order it is sent: what 42e01f promises (RFC 6184 §8.1)."""
    in_order = all(a.pts < b.pts for a, b in itertools.pairwise(packets) if a.pts and b.pts)
    return in_order and "Baseline" in str(stream.codec_context.profile)


def _annex_b(stream: av.VideoStream, packets: list[av.Packet[Any]]) -> list[tuple[Fraction, bytes, bool]]:
    """Length-prefixed units (MP4, Matroska) become start codes, parameter sets go in front of keyframes."""
    convert = av.bitstream.BitStreamFilterContext("h264_mp4toannexb", stream)
    converted = [out for packet in packets for out in convert.filter(packet)] + list(convert.filter(None))
    return [(_seconds(packet), _essential(bytes(packet)), packet.is_keyframe) for packet in converted]


def _essential(unit: bytes) -> bytes:
    """An access unit without delimiters and SEI, parameter sets first: a keyframe is known by its first packet."""
    # RFC 6184 lets a receiver find the start of a keyframe by its SPS; x264 writes 700 bytes of SEI before it.
    nals = [nal for nal in re.split(b"\x00*\x00\x00\x01", unit) if nal and nal[0] & 31 not in (SEI, DELIMITER)]
    nals.sort(key=lambda nal: nal[0] & 31 not in PARAMETER_SETS)
    return b"".join(b"\x00\x00\x00\x01" + nal for nal in nals)


def _encoded(
    path: Path, stream: av.VideoStream, packets: list[av.Packet[Any]]
) -> Iterator[tuple[Fraction, bytes, bool]]:
    """Any other codec, as VP8."""
    if _seconds(packets[-1]) - _seconds(packets[0]) > MAX_ENCODED_S:
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


def _check_pictures(path: Path, codec: VideoCodec, pictures: list[tuple[Fraction, bytes, bool]]) -> av.VideoFrame:
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


# ── sound ──


def _sounds(path: Path, stream: av.AudioStream, packets: list[av.Packet[Any]]) -> list[tuple[Fraction, bytes, int]]:
    """(seconds, Opus packet, level) of the file's sound."""
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
        payload, at = bytes(packet), _seconds(packet)
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


def _with_levels(sounds: list[tuple[Fraction, bytes]]) -> list[tuple[Fraction, bytes, int]]:
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


# ── together ──


def _aligned(
    path: Path,
    codec: VideoCodec | None,
    passed: bool,
    pictures: list[tuple[Fraction, bytes, bool]],
    sounds: list[tuple[Fraction, bytes, int]],
    still: av.VideoFrame | None,
) -> Clip:
    """Start at 0, end on the grid; sound that outlasts the picture is cut."""
    start = min([at for at, *_ in pictures[:1]] + [at for at, *_ in sounds[:1]])
    duration = -(-_length(pictures, sounds) // GRID_S) * GRID_S
    return Clip(
        path=path,
        codec=codec,
        passed_through=passed,
        pictures=tuple(Picture(payload, round((at - start) * VIDEO_CLOCK), key) for at, payload, key in pictures),
        sounds=tuple(
            Sound(payload, round((at - start) * AUDIO_CLOCK), level)
            for at, payload, level in sounds
            if at - start + GRID_S <= duration
        ),
        duration=duration,
        still=still,
    )


def _length(pictures: list[tuple[Fraction, bytes, bool]], sounds: list[tuple[Fraction, bytes, int]]) -> Fraction:
    """Seconds from the first picture to the end of the last; of the sound where there is no picture."""
    if not pictures:
        return sounds[-1][0] + opus_duration(sounds[-1][1]) - sounds[0][0]
    shown = pictures[-1][0] - pictures[0][0]
    return shown + (shown / max(1, len(pictures) - 1) or Fraction(1, 25))
