"""Makes the sample clips of this folder, with PyAV.

    .venv/bin/python media-samples/make_samples.py [NAME ...]

Pictures and beeps are drawn by rule (agents/marks.py, agents/beeps.py say how they are read back); only the speech
needs a program beyond the project's own, espeak-ng, and only while it is made.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt

from agents import beeps, marks
from agents.marks import Mark

HERE: Final = Path(__file__).parent
WIDTH, HEIGHT, RATE = 640, 360, 25
SECONDS: Final = 24
FRAMES: Final = SECONDS * RATE
CLOCK_AHEAD: Final = 5
"""Frames by which the clock is ahead of the clip's start, so that no beep falls on a codec's first packet."""
KEYFRAME_EVERY: Final = 2 * RATE
BIT_RATE: Final = 900_000
GRAIN: Final = 5
SOUND_RATE: Final = 48_000

SPEECH: Final = (
    "Hello. This is the speech sample of Tertulia, a calling platform in Python. "
    "A tertulia is a gathering where people meet, often in a café, to talk about books or the news of the day. "
    "One. Two. Three. Four. Five. Six. Seven. Eight. Nine. Ten. "
    "If you can hear this without gaps, the call works. Thank you for listening, and goodbye."
)

Image = npt.NDArray[np.uint8]

# Segments of a digit: a on top, then clockwise, g in the middle; (x, y, width, height) in a 3 × 5 box.
SEGMENTS: Final = {
    "a": (0, 0, 3, 1),
    "b": (2, 0, 1, 3),
    "c": (2, 2, 1, 3),
    "d": (0, 4, 3, 1),
    "e": (0, 2, 1, 3),
    "f": (0, 0, 1, 3),
    "g": (0, 2, 3, 1),
}
DIGITS: Final = ("abcdef", "bc", "abged", "abgcd", "fgbc", "afgcd", "afgedc", "abc", "abcdefg", "abfgcd")


def background() -> Image:
    """A dusk: dark blue above, warm below."""
    share = np.linspace(0, 1, HEIGHT)[:, None, None]
    top, bottom = np.array([18, 24, 58]), np.array([196, 98, 70])
    column = (top * (1 - share) + bottom * share).astype(np.uint8)
    return np.broadcast_to(column, (HEIGHT, WIDTH, 3)).copy()


def add_grain(luma: Image, number: int) -> None:
    """Film grain: without it the codecs would need a third of the rate that a camera does."""
    noise = np.random.default_rng(number).integers(-GRAIN, GRAIN + 1, (HEIGHT // 2, WIDTH // 2), dtype=np.int16)
    rough = luma.astype(np.int16) + noise.repeat(2, axis=0).repeat(2, axis=1)
    luma[:] = rough.clip(marks.BLACK, marks.WHITE)


def draw_digit(image: Image, digit: int, x: int, y: int, unit: int) -> None:
    """One seven-segment digit, its box 3 × 5 units big."""
    for segment in DIGITS[digit]:
        dx, dy, width, height = SEGMENTS[segment]
        image[y + dy * unit : y + (dy + height) * unit, x + dx * unit : x + (dx + width) * unit] = (250, 240, 220)


def draw_disc(image: Image, x: float, y: float, radius: float, colour: tuple[int, int, int]) -> None:
    """A filled circle with a soft rim."""
    left, top = max(0, int(x - radius - 2)), max(0, int(y - radius - 2))
    box = image[top : int(y + radius + 3), left : int(x + radius + 3)]
    rows, columns = np.ogrid[: box.shape[0], : box.shape[1]]
    distance = np.sqrt((columns + left - x) ** 2 + (rows + top - y) ** 2)
    cover = np.clip(radius + 0.5 - distance, 0, 1)[:, :, None]
    box[:] = (box * (1 - cover) + np.array(colour) * cover).astype(np.uint8)


def draw_hand(image: Image, turn: float) -> None:
    """The hand of a clock without numbers: one turn a second."""
    x, y = 520.0, 210.0
    draw_disc(image, x, y, 62, (30, 34, 66))
    for i in range(9):
        reach = 6.5 * i
        draw_disc(image, x + reach * np.sin(2 * np.pi * turn), y - reach * np.cos(2 * np.pi * turn), 5, (255, 214, 130))


def picture(number: int) -> av.VideoFrame:
    """Frame `number`: the scene in colour, the strip on top."""
    second, within = divmod(number + CLOCK_AHEAD, RATE)
    image = background()
    ball_x = 90 + 300 * (0.5 - 0.5 * np.cos(2 * np.pi * number / 90))
    ball_y = 320 - 90 * abs(np.sin(2 * np.pi * number / 60))
    draw_disc(image, ball_x, ball_y, 22, (255, 250, 240) if within < 3 else (240, 160, 60))
    draw_hand(image, within / RATE)
    for place, digit in enumerate((second // 10, second % 10, within // 10, within % 10)):
        draw_digit(image, digit, 60 + place * 88 + (40 if place > 1 else 0), 90, 20)
    image[: round(HEIGHT * 64 / 360)] = (24, 24, 24)
    yuv = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p").to_ndarray()
    add_grain(yuv[:HEIGHT], number)
    marks.draw(yuv[:HEIGHT], Mark(number, FRAMES, (number + CLOCK_AHEAD) * 1000 // RATE))
    frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
    frame.pts, frame.time_base = number, Fraction(1, RATE)
    return frame


def counted_sound() -> beeps.Samples:
    """Silence, with a beep when the pictures' clock shows a whole second."""
    sound = np.zeros(SECONDS * SOUND_RATE, np.float32)
    for second in range(1, SECONDS + 1):
        at = (second * RATE - CLOCK_AHEAD) * SOUND_RATE // RATE
        sound[at : at + beeps.LENGTH] += beeps.tone(second)
    return sound


def spoken_sound() -> beeps.Samples:
    """espeak-ng reading SPEECH, at 48 kHz."""
    program = shutil.which("espeak-ng")
    if program is None:
        sys.exit("error: the speech sample needs espeak-ng (Debian: apt-get install espeak-ng)")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "speech.wav"
        subprocess.run([program, "-v", "en-gb", "-s", "150", "-w", str(wav), SPEECH], check=True)  # noqa: S603
        resampler = av.AudioResampler(format="flt", layout="mono", rate=SOUND_RATE)
        with av.open(str(wav)) as container:
            parts = [f.to_ndarray()[0] for frame in container.decode(audio=0) for f in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32)


def chunks(sound: beeps.Samples, layout: str = "mono") -> Iterator[av.AudioFrame]:
    """20 ms frames."""
    for at in range(0, len(sound), 960):
        part = np.zeros((1, 960), np.float32)
        part[0, : len(sound[at : at + 960])] = sound[at : at + 960]
        frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, at, Fraction(1, SOUND_RATE)
        yield frame


def write(
    name: str, sound: beeps.Samples, audio: str, audio_rate: int, video: str | None, options: dict[str, str]
) -> None:
    """Encode and interleave one clip; the bytes depend on the versions of the codecs only."""
    muxer = {"fflags": "+bitexact"} | ({"movflags": "+faststart"} if name.endswith(".mp4") else {})
    with av.open(str(HERE / name), "w", options=muxer) as container:
        sound_stream = container.add_stream(audio, rate=SOUND_RATE, layout="mono", bit_rate=audio_rate)
        picture_stream = container.add_stream(video, rate=RATE, options=options) if video else None
        if picture_stream is not None:
            picture_stream.width, picture_stream.height, picture_stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
            picture_stream.bit_rate, picture_stream.time_base = BIT_RATE, Fraction(1, RATE)
            picture_stream.codec_context.gop_size = KEYFRAME_EVERY
            picture_stream.codec_context.max_b_frames = 0
            picture_stream.codec_context.flags |= av.codec.context.Flags.bitexact
            for number in range(FRAMES):
                container.mux(picture_stream.encode(picture(number)))
            container.mux(picture_stream.encode(None))
        resampler = av.AudioResampler(
            format=sound_stream.format, layout="mono", rate=SOUND_RATE, frame_size=sound_stream.frame_size or 960
        )
        for frame in [*chunks(sound), None]:
            for part in resampler.resample(frame):
                container.mux(sound_stream.encode(part))
        container.mux(sound_stream.encode(None))


def make_vp8() -> None:
    """VP8 + Opus: what browsers and aiortc speak without asking."""
    options = {
        "deadline": "good",
        "cpu-used": "1",
        "lag-in-frames": "0",
        "auto-alt-ref": "0",  # every packet shows a frame
        "keyint_min": str(KEYFRAME_EVERY),
        "qmin": "4",
        "qmax": "50",
        "minrate": str(BIT_RATE),
        "maxrate": str(BIT_RATE),
    }
    write("count-vp8-opus.webm", counted_sound(), "libopus", 64_000, "libvpx", options)


def make_h264() -> None:
    """H.264 constrained baseline + AAC: no B-frames, parameter sets out of band, as MP4 wants them."""
    options = {
        "profile": "baseline",
        "level": "3.1",
        "preset": "medium",
        "bf": "0",
        "sc_threshold": "0",
        "keyint_min": str(KEYFRAME_EVERY),
        "maxrate": str(BIT_RATE),
        "bufsize": str(BIT_RATE),
    }
    write("count-h264-aac.mp4", counted_sound(), "aac", 96_000, "libx264", options)


def make_speech() -> None:
    """A voice, Opus alone."""
    write("speech.opus", spoken_sound(), "libopus", 40_000, None, {})


CLIPS: Final[dict[str, Callable[[], None]]] = {
    "count-vp8-opus.webm": make_vp8,
    "count-h264-aac.mp4": make_h264,
    "speech.opus": make_speech,
}


def main(names: list[str]) -> None:
    """Make the named clips, or all."""
    if unknown := [name for name in names if name not in CLIPS]:
        sys.exit(f"error: no clip {', '.join(unknown)}; there are {', '.join(CLIPS)}")
    for name in names or CLIPS:
        CLIPS[name]()
        sys.stdout.write(f"{name}: {(HERE / name).stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main(sys.argv[1:])
