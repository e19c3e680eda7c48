"""What the browser's camera and microphone give: the samples, as files that Chromium plays over and over.

media-samples -> **footage** -> Chromium (`--use-file-for-fake-video-capture`, `--use-file-for-fake-audio-capture`)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import av

from tests.support.voice import record

SAMPLES: Final = Path(__file__).parents[2] / "media-samples"
PICTURES: Final = SAMPLES / "count-vp8-opus.webm"

WIDTH, HEIGHT, FRAMES_PER_S = 960, 540, 20
"""Three layers (Chromium makes no third one below 960 x 540), and what two cores encode beside all the rest."""
TOP_LINES: Final = 0.9 * HEIGHT
"""A picture of so many lines or more is one of the top layer: encoders cut a few lines off."""
LENGTH_S: Final = 6


@dataclass(frozen=True, slots=True)
class Footage:
    """Two files."""

    pictures: Path
    voice: Path

    @property
    def flags(self) -> tuple[str, ...]:
        """For Chromium."""
        return (
            f"--use-file-for-fake-video-capture={self.pictures}",
            f"--use-file-for-fake-audio-capture={self.voice}",
        )


def footage(directory: Path) -> Footage:
    """The files, made if they are not there yet."""
    made = Footage(directory / "camera.y4m", directory / "microphone.wav")
    if not made.voice.exists():
        _film(made.pictures)
        record(made.voice)
    return made


def _film(path: Path) -> None:
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES_PER_S}:1 Ip A1:1 C420jpeg\n".encode())
        for picture in _pictures():
            out.write(b"FRAME\n" + picture)


def _pictures() -> Iterator[bytes]:
    """The sample's pictures of LENGTH_S, at our rate and size: I420, as Y4M has it."""
    number = 0
    with av.open(str(PICTURES)) as container:
        for frame in container.decode(video=0):
            while number < LENGTH_S * FRAMES_PER_S and (frame.time or 0.0) >= number / FRAMES_PER_S:
                number += 1
                yield frame.reformat(width=WIDTH, height=HEIGHT, format="yuv420p").to_ndarray().tobytes()
            if number == LENGTH_S * FRAMES_PER_S:
                return
