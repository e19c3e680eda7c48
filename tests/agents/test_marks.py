"""The strip on the frames survives what a call does to pictures."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents import marks
from agents.marks import Luma, Mark

MARK = Mark(number=412, total=600, clock_ms=16_480)


def picture(width: int = 640, height: int = 360, mark: Mark | None = MARK) -> Luma:
    """A busy picture, with the strip on it."""
    rng = np.random.default_rng(7)
    luma = rng.integers(16, 236, (height, width), dtype=np.uint8)
    if mark is not None:
        marks.draw(luma, mark)
    return luma


def frame_of(luma: Luma) -> av.VideoFrame:
    height, width = luma.shape
    chroma = np.full((height // 2, width), 128, np.uint8)
    return av.VideoFrame.from_ndarray(np.concatenate([luma, chroma]), format="yuv420p")


def through_codec(frame: av.VideoFrame, codec: str, bit_rate: int) -> av.VideoFrame:
    """Encode and decode one frame."""
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = frame.width, frame.height, "yuv420p"
    encoder.bit_rate, encoder.framerate, encoder.time_base = bit_rate, Fraction(25), Fraction(1, 25)
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    decoder = av.CodecContext.create({"libvpx": "libvpx", "libx264": "h264"}[codec], "r")
    assert isinstance(decoder, av.VideoCodecContext)
    frames = [decoded for packet in packets for decoded in decoder.decode(packet)] + decoder.decode(None)
    return frames[0]


@given(
    st.builds(
        lambda total, share, clock: Mark(number=int(share * (total - 1)), total=total, clock_ms=clock),
        st.integers(1, (1 << 16) - 1),
        st.floats(0, 1),
        st.integers(0, (1 << 24) - 1),
    )
)
def test_every_mark_survives_its_bytes(mark: Mark) -> None:
    assert Mark.from_bytes(mark.to_bytes()) == mark


@pytest.mark.parametrize("size", [(640, 360), (1280, 720), (320, 180), (1920, 1080), (400, 226)])
def test_a_mark_is_read_at_the_size_it_was_drawn(size: tuple[int, int]) -> None:
    assert marks.read(picture(*size)) == MARK


@pytest.mark.parametrize("size", [(160, 90), (320, 180), (480, 270), (854, 480), (1280, 720)])
def test_a_mark_is_read_after_scaling(size: tuple[int, int]) -> None:
    frame = frame_of(picture()).reformat(width=size[0], height=size[1])
    assert marks.read_frame(frame) == MARK


def test_a_mark_is_read_through_noise() -> None:
    rng = np.random.default_rng(1)
    noisy = picture().astype(np.float64) + rng.normal(0, 40, (360, 640))
    assert marks.read(noisy.clip(0, 255).astype(np.uint8)) == MARK


@pytest.mark.parametrize("codec", ["libvpx", "libx264"])
@pytest.mark.parametrize("bit_rate", [100_000, 1_000_000])
def test_a_mark_is_read_after_a_codec_at_low_rate(codec: str, bit_rate: int) -> None:
    assert marks.read_frame(through_codec(frame_of(picture()), codec, bit_rate)) == MARK


def test_a_picture_without_a_strip_says_nothing() -> None:
    assert marks.read(picture(mark=None)) is None
    assert marks.read(np.full((360, 640), 16, np.uint8)) is None


def test_an_erased_strip_says_nothing() -> None:
    luma = picture()
    marks.erase(luma)
    assert marks.read(luma) is None


def test_a_picture_too_small_for_the_strip_says_nothing() -> None:
    assert marks.read(np.full((10, 40), 200, np.uint8)) is None


@given(st.integers(0, 71))
def test_one_wrong_cell_is_never_taken_for_another_frame(bit: int) -> None:
    strip = bytearray(MARK.to_bytes())
    strip[bit // 8] ^= 0x80 >> bit % 8
    assert Mark.from_bytes(bytes(strip)) is None


def test_a_number_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Mark(number=600, total=600, clock_ms=0).to_bytes()


def test_a_frame_in_colour_is_read_too() -> None:
    assert marks.read_frame(frame_of(picture()).reformat(format="rgb24")) == MARK
