"""What publishers send: real pictures and a real voice, at the asked rate.

media file -> agents.clip -> **clips** -> encode -> cache -> `LoadEngine.add_clip`

Ten seconds, sent over and over.  Encoding takes seconds, so the result is kept (`cache`) under what it was made of.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av

from agents.clip import Clip
from agents.encoder import picture_decoder
from agents.errors import ClipError
from agents.load.cache import kept
from agents.load.encode import FRAMES_PER_S, encode
from agents.load.media import LoadClip, LoadFrame
from agents.sounds import AUDIO_CLOCK

SAMPLES: Final = Path(__file__).parents[2] / "media-samples"
PICTURES: Final = SAMPLES / "count-vp8-opus.webm"
VOICE: Final = SAMPLES / "speech.opus"
LENGTH_S: Final = 10
LAYERS: Final = ((4, 8), (2, 3), (1, 1))
"""Simulcast, low to high: what size and rate are divided by."""
LEAST_KBPS: Final = 30
SMALLER_BELOW: Final = ((50, 4), (200, 2))
"""kbit/s below which a picture of the samples' size cannot get, whatever its quality: it is made smaller."""
SMALLEST: Final = 16
"""Pixels; a VP8 macroblock."""


@dataclass(frozen=True, slots=True)
class Clips:
    """All that the publishers of a run send."""

    audio: LoadClip | None
    video: tuple[LoadClip, ...]
    """One an encoding, low to high."""

    @property
    def length_ms(self) -> float:
        """Of the longest."""
        every = [*self.video, *([self.audio] if self.audio is not None else [])]
        return max((clip.frames[-1].at_ms for clip in every), default=0.0)


def load_clips(media: Path | None, *, audio: bool, video: bool, kbps: int, simulcast: bool) -> Clips:
    """The clips of a run, made or found; ClipError names a file that cannot be sent.  Blocks for seconds."""
    pictures, voice = media or PICTURES, media or VOICE
    layers = LAYERS if simulcast else LAYERS[-1:]
    return Clips(
        audio=kept(voice, "audio", lambda: _voice(voice)) if audio else None,
        video=tuple(_layer(pictures, size, kbps // rate) for size, rate in layers) if video else (),
    )


def _layer(path: Path, size: int, kbps: int) -> LoadClip:
    kbps = max(LEAST_KBPS, kbps)
    size = max(size, next((least for bound, least in SMALLER_BELOW if kbps < bound), 1))
    return kept(path, f"vp8-{size}-{kbps}", lambda: _pictures(path, size, kbps))


def _pictures(path: Path, divide: int, kbps: int) -> LoadClip:
    clip = Clip.load(path)
    if clip.codec is None or clip.still is None:
        raise ClipError(path, "has no picture; give --audio-only")
    width, height = (max(SMALLEST, side // divide & ~1) for side in (clip.still.width, clip.still.height))
    return encode(itertools.islice(_decoded(clip), LENGTH_S * FRAMES_PER_S), width, height, kbps)


def _decoded(clip: Clip) -> Iterator[av.VideoFrame]:
    assert clip.codec is not None  # noqa: S101 - for the type checker: `_pictures` has looked
    decoder = picture_decoder(clip.codec)
    for picture in clip.pictures:
        yield from decoder.decode(av.Packet(picture.payload))


def _voice(path: Path) -> LoadClip:
    sounds = [sound for sound in Clip.load(path).sounds if sound.at < LENGTH_S * AUDIO_CLOCK]
    if not sounds:
        raise ClipError(path, "has no sound; give --video-only")
    frames = (LoadFrame(at_ms=sound.at * 1_000 / AUDIO_CLOCK, keyframe=True, data=sound.payload) for sound in sounds)
    return LoadClip(kind="audio", codec="opus", clock_rate=AUDIO_CLOCK, frames=tuple(frames))
