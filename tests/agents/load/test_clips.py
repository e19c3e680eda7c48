"""What publishers send, made once and kept."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from agents.encoder import picture_decoder
from agents.errors import ClipError
from agents.load import cache
from agents.load.clips import load_clips
from agents.load.encode import encode
from agents.load.media import LoadClip, LoadFrame
from tests.support.media import SPEECH_CLIP, VP8_CLIP

CLIP = LoadClip(kind="audio", codec="opus", clock_rate=48_000, frames=(LoadFrame(at_ms=0.0, keyframe=True, data=b"x"),))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tertulia" / "load"


def picture(number: int) -> av.VideoFrame:
    """Something that changes."""
    frame = av.VideoFrame(128, 64, "yuv420p")
    for plane in frame.planes:
        plane.update(bytes((number * 3 + at) % 256 for at in range(plane.buffer_size)))
    return frame


def test_pictures_are_at_the_asked_size_and_rate_behind_one_keyframe() -> None:
    clip = encode([picture(number) for number in range(60)], 64, 32, 100)
    assert [frame.keyframe for frame in clip.frames] == [True] + [False] * (len(clip.frames) - 1)
    assert clip.frames[1].at_ms == pytest.approx(1_000 / 30)
    (first,) = picture_decoder("VP8").decode(av.Packet(clip.frames[0].data))
    assert (first.width, first.height) == (64, 32)
    octets = sum(len(frame.data) for frame in clip.frames)
    assert 100 * 2 / 8 * 500 < octets < 100 * 2 / 8 * 1_500


def test_the_samples_make_ten_seconds_in_three_layers_and_a_voice(folder: Path) -> None:
    clips = load_clips(None, audio=True, video=True, kbps=400, simulcast=True)
    low, middle, high = (sum(len(frame.data) for frame in clip.frames) * 8 / 10_000 for clip in clips.video)
    assert 40 < low < 70
    assert 100 < middle < 160
    assert 330 < high < 440
    assert {len(clip.frames) for clip in clips.video} == {300}
    assert clips.audio is not None
    assert len(clips.audio.frames) == 500
    assert 9_900 < clips.length_ms < 10_000
    # A second time it is what was kept.
    kept = sorted(folder.iterdir())
    assert len(kept) == 4
    assert load_clips(None, audio=True, video=True, kbps=400, simulcast=True) == clips
    assert sorted(folder.iterdir()) == kept


def test_only_what_is_sent_is_made() -> None:
    clips = load_clips(SPEECH_CLIP, audio=True, video=False, kbps=400, simulcast=False)
    assert clips.video == ()
    assert clips.audio is not None


def test_a_file_of_sound_alone_is_no_picture(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="has no picture; give --audio-only"):
        load_clips(SPEECH_CLIP, audio=False, video=True, kbps=400, simulcast=False)


@pytest.mark.parametrize(
    ("content", "complaint"), [(None, "there is no such file"), (b"text", "is damaged or no media")]
)
def test_a_file_that_cannot_be_sent_is_named(tmp_path: Path, content: bytes | None, complaint: str) -> None:
    file = tmp_path / "clip.webm"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ClipError, match=complaint) as error:
        load_clips(file, audio=True, video=True, kbps=400, simulcast=False)
    assert str(file) in str(error.value)


def test_a_clip_is_made_once_for_each_content_and_setting(tmp_path: Path) -> None:
    made: list[str] = []

    def make() -> LoadClip:
        made.append("made")
        return CLIP

    file, other = tmp_path / "one", tmp_path / "two"
    file.write_bytes(b"content")
    other.write_bytes(b"other content")
    for path, settings in ((file, "a"), (file, "a"), (file, "b"), (other, "a")):
        assert cache.kept(path, settings, make) == CLIP
    assert len(made) == 3


@pytest.mark.parametrize("damage", [b"", b"\x81", b"\xff" * 100, b"\x84\xa4kind\x05"])
def test_a_damaged_file_of_the_cache_is_made_again(folder: Path, damage: bytes) -> None:
    cache.kept(VP8_CLIP, "a", lambda: CLIP)
    (file,) = folder.iterdir()
    file.write_bytes(damage)
    assert cache.kept(VP8_CLIP, "a", lambda: CLIP) == CLIP
    assert len(file.read_bytes()) > len(damage) - 100


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cache.kept(VP8_CLIP, "a", lambda: CLIP) == CLIP
