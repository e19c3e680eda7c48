"""What a participant sent is in the file, in order and in step."""

from __future__ import annotations

import asyncio
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from agents import beeps, marks
from agents.errors import ClipError
from agents.marks import Mark
from agents.record import QUEUE, Recorder
from agents.tap import Tap
from agents.verify import mono

NTP = 3_900_000_000
FRAMES = 50


class Receiver:
    """As much of a receiver as a tap observes; its RTP timestamps begin at 1000."""

    def __init__(self) -> None:
        mapper = type("Mapper", (), {"_origin": 1000})
        self._RTCRtpReceiver__timestamp_mapper = mapper

    async def _handle_rtp_packet(self, *_: object, **__: object) -> None: ...

    async def _handle_rtcp_packet(self, *_: object) -> None: ...


def tap(kind: str, *, ahead_s: float = 0.0) -> Tap:
    """A tap whose publisher began `ahead_s` after the others."""
    receiver: Any = Receiver()
    tapped = Tap(receiver, kind)
    tapped.clock.add(1000, int((NTP + ahead_s) * 2**32))
    return tapped


def picture(number: int) -> av.VideoFrame:
    yuv = np.full((540, 640), 128, np.uint8)
    marks.draw(yuv[:360], Mark(number, FRAMES, number * 40))
    frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
    frame.pts, frame.time_base = number * 3600, Fraction(1, 90_000)
    return frame


def sound(index: int) -> av.AudioFrame:
    """20 ms; a beep begins with each second."""
    samples = np.zeros(960, np.float32)
    second, within = divmod(index * 960, 48_000)
    piece = beeps.tone(second)[within : within + 960]
    samples[: len(piece)] = piece
    frame = av.AudioFrame.from_ndarray(
        (samples * 32767).astype(np.int16).repeat(2)[None], format="s16", layout="stereo"
    )
    frame.sample_rate, frame.pts, frame.time_base = 48_000, index * 960, Fraction(1, 48_000)
    return frame


def read(path: Path) -> tuple[list[int], dict[int, float], dict[int, float]]:
    """Numbers in order, and when each second was shown and heard."""
    numbers, shown, heard, reader = [], {}, {}, beeps.BeepReader()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            mark = marks.read_frame(frame)
            assert mark is not None
            numbers.append(mark.number)
            if mark.clock_ms % 1000 == 0:
                shown[mark.clock_ms // 1000] = frame.time or 0.0
    resampler = av.AudioResampler(format="s16", layout="stereo", rate=48_000)
    with av.open(str(path)) as container:
        for decoded in container.decode(audio=0):
            for part in resampler.resample(decoded):
                for beep in reader.feed(mono(part), round((part.time or 0.0) * 48_000)):
                    heard[beep.index] = beep.at / 48_000
    return numbers, shown, heard


@pytest.mark.parametrize("late_s", [0.0, 0.3], ids=["together", "sound arrives late"])
async def test_a_recording_is_whole_and_in_step(tmp_path: Path, late_s: float) -> None:
    recorder = Recorder(tmp_path / "out.mkv")
    video, audio = tap("video"), tap("audio")
    for i in range(FRAMES):
        recorder.put(picture(i), video, at=100 + i * 0.04)
        recorder.put(sound(2 * i), audio, at=100 + late_s + i * 0.04)
        recorder.put(sound(2 * i + 1), audio, at=100 + late_s + i * 0.04 + 0.02)
    await asyncio.to_thread(recorder.close)
    assert (recorder.dropped, recorder.note) == (0, None)
    numbers, shown, heard = read(tmp_path / "out.mkv")
    assert numbers == list(range(FRAMES))
    assert abs(heard[1] - shown[1]) < 0.03


async def test_a_participant_without_sound_is_recorded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mkv")
    for i in range(10):
        recorder.put(picture(i), tap("video"), at=i * 0.04)
    await asyncio.to_thread(recorder.close)
    with av.open(str(tmp_path / "out.mkv")) as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert len(list(container.decode(video=0))) == 10


async def test_nothing_received_leaves_no_damage(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mkv")
    await asyncio.to_thread(recorder.close)
    recorder.close()


async def test_what_waits_for_the_disk_is_bounded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "out.mkv")
    for i in range(QUEUE * 3):
        recorder.put(av.VideoFrame(1280, 720), None, at=i * 0.04)
    assert recorder._queue.qsize() <= QUEUE
    assert recorder.dropped > 0
    await asyncio.to_thread(recorder.close)


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="nowhere"):
        Recorder(tmp_path / "nowhere" / "out.mkv")
