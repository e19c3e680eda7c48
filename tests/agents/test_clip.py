"""A file is taken as it is, converted, or refused in words."""

from __future__ import annotations

import itertools
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from agents import beeps, marks
from agents.clip import Clip
from agents.encoder import picture_decoder
from agents.errors import ClipError
from agents.marks import Mark
from agents.pictures import VIDEO_CLOCK
from agents.sounds import AUDIO_CLOCK, opus_duration, silence
from tests.support.media import H264_CLIP, SPEECH_CLIP, VP8_CLIP


@pytest.fixture(scope="module")
def vp8() -> Clip:
    return Clip.load(VP8_CLIP)


@pytest.fixture(scope="module")
def h264() -> Clip:
    return Clip.load(H264_CLIP)


def numbers(clip: Clip) -> list[int | None]:
    """The marks of every picture of a clip, decoded."""
    assert clip.codec is not None
    decoder = picture_decoder(clip.codec)
    read = [marks.read_frame(f) for picture in clip.pictures for f in decoder.decode(av.Packet(picture.payload))]
    return [mark.number if mark else None for mark in read]


def heard(clip: Clip) -> list[int]:
    """The beeps of a clip, decoded."""
    decoder = av.CodecContext.create("libopus", "r")
    assert isinstance(decoder, av.AudioCodecContext)
    decoder.format, decoder.layout, decoder.sample_rate = "s16", "mono", AUDIO_CLOCK
    reader, found = beeps.BeepReader(), []
    for sound in clip.sounds:
        for frame in decoder.decode(av.Packet(sound.payload)):
            samples = (frame.to_ndarray().reshape(-1) / 32768).astype(np.float32)
            found += reader.feed(samples, sound.at)
    return [beep.index for beep in found]


def test_vp8_and_opus_are_passed_through_whole(vp8: Clip) -> None:
    assert (vp8.codec, vp8.passed_through, vp8.duration) == ("VP8", True, Fraction(24))
    assert numbers(vp8) == list(range(600))
    assert heard(vp8) == list(range(1, 25))


def test_h264_is_passed_through_and_aac_becomes_opus(h264: Clip) -> None:
    assert (h264.codec, h264.passed_through, h264.duration) == ("H264", True, Fraction(24))
    assert numbers(h264) == list(range(600))
    assert heard(h264) == list(range(1, 25))


def test_every_h264_keyframe_begins_with_its_parameter_sets(h264: Clip) -> None:
    keyframes = [picture.payload for picture in h264.pictures if picture.keyframe]
    assert len(keyframes) == 12
    for payload in keyframes:
        kinds = [unit[0] & 31 for unit in payload.split(b"\x00\x00\x00\x01")[1:]]
        assert kinds[:2] == [7, 8]
        assert set(kinds[2:]) == {5}


def test_a_voice_alone_is_a_clip_too() -> None:
    speech = Clip.load(SPEECH_CLIP)
    assert (speech.codec, speech.pictures, speech.still) == (None, (), None)
    assert len(speech.sounds) > 1000


def test_both_clocks_start_together_and_fit_the_loop(vp8: Clip) -> None:
    assert min(vp8.sounds[0].at / AUDIO_CLOCK, vp8.pictures[0].at / VIDEO_CLOCK) == 0
    assert abs(vp8.sounds[0].at / AUDIO_CLOCK - vp8.pictures[0].at / VIDEO_CLOCK) < 0.01
    assert [b.at - a.at for a, b in itertools.pairwise(vp8.sounds)] == [960] * 1199
    assert vp8.sounds[-1].at + 960 <= vp8.duration * AUDIO_CLOCK


def test_levels_tell_beeps_from_silence(vp8: Clip) -> None:
    levels = [sound.level for sound in vp8.sounds]
    assert min(levels) < 20
    assert levels[len(levels) // 48] > 60


def test_what_is_shown_while_waiting_says_no_number(vp8: Clip) -> None:
    assert vp8.still is not None
    assert (vp8.still.width, vp8.still.height) == (640, 360)
    assert marks.read_frame(vp8.still) is None


def write_mpeg4(path: Path, frames: int = 30) -> None:
    """A short file that WebRTC does not carry: MPEG-4 video, MP3 sound."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt, video.bit_rate = 640, 360, "yuv420p", 2_000_000
        audio = container.add_stream("mp2", rate=44_100, layout="stereo")
        for number in range(frames):
            yuv = np.full((540, 640), 128, np.uint8)
            marks.draw(yuv[:360], Mark(number, frames, number * 40))
            frame = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(video.encode(frame))
        tone = (np.sin(np.arange(44_100) / 20) * 8000).astype(np.int16)
        for at in range(0, 44_100 - 1152, 1152):
            piece = av.AudioFrame.from_ndarray(tone[at : at + 1152].repeat(2)[None], format="s16", layout="stereo")
            piece.sample_rate, piece.pts, piece.time_base = 44_100, at, Fraction(1, 44_100)
            container.mux(audio.encode(piece))
        container.mux([*video.encode(None), *audio.encode(None)])


def test_other_codecs_are_encoded_once(tmp_path: Path) -> None:
    write_mpeg4(tmp_path / "old.mkv")
    clip = Clip.load(tmp_path / "old.mkv")
    assert (clip.codec, clip.passed_through) == ("VP8", False)
    assert numbers(clip) == list(range(30))
    assert clip.pictures[0].keyframe
    assert 45 < len(clip.sounds) <= 60
    assert min(sound.level for sound in clip.sounds) < 30


@pytest.mark.parametrize("clip", [VP8_CLIP, H264_CLIP])
def test_a_file_cut_short_is_refused(tmp_path: Path, clip: Path) -> None:
    cut = tmp_path / f"cut{clip.suffix}"
    cut.write_bytes(clip.read_bytes()[:1_000_000])
    with pytest.raises(ClipError, match=r"cut\.\w+: is (cut off|damaged)"):
        Clip.load(cut)


@pytest.mark.parametrize("clip", [VP8_CLIP, H264_CLIP])
def test_a_file_with_a_damaged_middle_is_refused(tmp_path: Path, clip: Path) -> None:
    data = bytearray(clip.read_bytes())
    data[500_000:520_000] = bytes(20_000)
    bad = tmp_path / f"bad{clip.suffix}"
    bad.write_bytes(data)
    with pytest.raises(ClipError, match=r"bad\.\w+: is damaged"):
        Clip.load(bad)


def test_what_is_no_media_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "notes.webm").write_text("not a clip\n" * 100)
    for path, why in (
        (tmp_path / "notes.webm", "damaged or no media file"),
        (tmp_path / "none.webm", "there is no such file"),
        (tmp_path, "is a directory"),
    ):
        with pytest.raises(ClipError, match=why) as refused:
            Clip.load(path)
        assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("first", "milliseconds"),
    [
        (b"\xfc", 20),
        (b"\x08", 20),
        (b"\x00", 10),
        (b"\x18", 60),
        (b"\x60", 10),
        (b"\x80", 2.5),
        (b"\xfd", 40),
        (b"\xff\x03", 60),
    ],
)
def test_the_length_of_an_opus_packet_is_in_its_first_byte(first: bytes, milliseconds: float) -> None:
    assert opus_duration(first) == Fraction(milliseconds) / 1000


def test_silence_is_short_and_twenty_milliseconds_long() -> None:
    assert len(silence()) < 20
    assert opus_duration(silence()) == Fraction(1, 50)
