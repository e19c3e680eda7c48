"""Speech for a browser's microphone: the sample, as the file that Chromium plays over and over.

media-samples -> **voice** -> Chromium (`--use-file-for-fake-audio-capture`)

Its own fake microphone beeps, which is too short for speech.
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Final

import av
from av.audio.resampler import AudioResampler

VOICE: Final = Path(__file__).parents[2] / "media-samples" / "speech.opus"
RATE: Final = 48_000


def microphone(path: Path) -> str:
    """The flag that makes `path` the microphone, once the speech is recorded there."""
    return f"--use-file-for-fake-audio-capture={record(path)}"


def record(path: Path) -> Path:
    """Write the speech as a WAV file of one channel."""
    resampler = AudioResampler(format="s16", layout="mono", rate=RATE)
    with av.open(str(VOICE)) as container, wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for frame in container.decode(audio=0):
            for part in resampler.resample(frame):
                out.writeframes(part.to_ndarray().tobytes())
    return path
