"""A media file, read whole, checked, and cut into what goes out as RTP.

file → packets → pictures, sounds → **clip** → play → aiortc's packetiser

All of it is held in memory, so playing needs no thread, no disk and no decoder, and whatever is
wrong with a file is known before a call is placed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import av

from agents.encoder import VideoCodec
from agents.errors import ClipError
from agents.packets import check_whole, listening, packets_of
from agents.pictures import VIDEO_CLOCK, TimedPicture, check_pictures, pictures_of
from agents.sounds import AUDIO_CLOCK, TimedSound, opus_duration, sounds_of

GRID_S: Final = Fraction(1, 50)
"""A clip lasts a whole number of these, so that a loop's timestamps go on exactly in both clocks."""


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
    with listening(path), av.open(str(path)) as container:
        video = next(iter(container.streams.video), None)
        audio = next(iter(container.streams.audio), None)
        if video is None and audio is None:
            raise ClipError(path, "has neither picture nor sound")
        packets = packets_of(path, container)
        check_whole(path, container.duration, packets)
        codec, passed, pictures = pictures_of(path, video, packets) if video is not None else (None, False, [])
        sounds = sounds_of(path, audio, packets) if audio is not None else []
    still = check_pictures(path, codec, pictures) if codec is not None else None
    return _aligned(path, codec, passed, pictures, sounds, still)


def _aligned(
    path: Path,
    codec: VideoCodec | None,
    passed: bool,
    pictures: list[TimedPicture],
    sounds: list[TimedSound],
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


def _length(pictures: list[TimedPicture], sounds: list[TimedSound]) -> Fraction:
    """Seconds from the first picture to the end of the last; of the sound where there is no picture."""
    if not pictures:
        return sounds[-1][0] + opus_duration(sounds[-1][1]) - sounds[0][0]
    shown = pictures[-1][0] - pictures[0][0]
    return shown + (shown / max(1, len(pictures) - 1) or Fraction(1, 25))
