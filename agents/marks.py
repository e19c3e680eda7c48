"""The machine-readable strip on every frame of the sample clips.

media-samples/make_samples.py draws it → codec → network → decoder → **read** → verify

The strip lies along the top edge: 36 × 2 cells, each one bit, black or white.  Its place is a fraction of the
frame, so it is found after scaling; a cell is 16 × 16 pixels at 640 × 360 (a macroblock), and only the middle of
each is looked at, so it survives coarse quantisation and blurred edges.  72 bits, most significant first:

    number 16 │ total 16 │ clock_ms 24 │ CRC-16 16

A strip whose checksum is wrong is no strip: a damaged frame is never taken for another one.
"""

from __future__ import annotations

import binascii
from dataclasses import dataclass
from typing import Final

import av
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]
"""The Y plane of a frame: height × width, 16 = black, 235 = white (ITU-R BT.601 limited range)."""

COLUMNS: Final = 36
ROWS: Final = 2
LEFT, TOP = 32 / 640, 16 / 360
CELL_WIDTH, CELL_HEIGHT = 16 / 640, 16 / 360
BLACK: Final = 16
WHITE: Final = 235

MIN_CONTRAST: Final = 60
"""Below this difference between the lightest and the darkest cell there is no strip, only a picture."""

_PAYLOAD_BYTES: Final = 7


@dataclass(frozen=True, slots=True)
class Mark:
    """What a frame says about itself."""

    number: int
    """Position in the clip, from 0."""
    total: int
    """Frames in the clip: after `total` - 1 a looped clip goes on with 0."""
    clock_ms: int
    """Time of the frame in the clip."""

    def to_bytes(self) -> bytes:
        """The strip's 9 bytes, checksum last; ValueError when a number does not fit."""
        if not (0 <= self.number < self.total < 1 << 16 and 0 <= self.clock_ms < 1 << 24):
            raise ValueError(f"{self} does not fit in a strip")
        payload = self.number.to_bytes(2, "big") + self.total.to_bytes(2, "big") + self.clock_ms.to_bytes(3, "big")
        return payload + _checksum(payload)

    @classmethod
    def from_bytes(cls, strip: bytes) -> Mark | None:
        """The mark, or None when the checksum or the numbers are wrong."""
        payload, checksum = strip[:_PAYLOAD_BYTES], strip[_PAYLOAD_BYTES:]
        if checksum != _checksum(payload):
            return None
        number, total = int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
        return cls(number, total, int.from_bytes(payload[4:], "big")) if number < total else None


def draw(luma: Luma, mark: Mark) -> None:
    """Write the strip into a Y plane, in place."""
    bits = np.unpackbits(np.frombuffer(mark.to_bytes(), np.uint8)).reshape(ROWS, COLUMNS)
    tops, lefts = _edges(luma.shape[0], TOP, CELL_HEIGHT, ROWS), _edges(luma.shape[1], LEFT, CELL_WIDTH, COLUMNS)
    for row in range(ROWS):
        for column in range(COLUMNS):
            cell = luma[tops[row] : tops[row + 1], lefts[column] : lefts[column + 1]]
            cell[:] = WHITE if bits[row, column] else BLACK


def erase(luma: Luma) -> None:
    """Paint the strip's place black, in place: the frame says nothing any more."""
    tops, lefts = _edges(luma.shape[0], TOP, CELL_HEIGHT, ROWS), _edges(luma.shape[1], LEFT, CELL_WIDTH, COLUMNS)
    luma[tops[0] : tops[-1], lefts[0] : lefts[-1]] = BLACK


def read(luma: Luma) -> Mark | None:
    """The mark on a Y plane of any size, or None where there is none or it is damaged."""
    height, width = luma.shape
    if width < 2 * COLUMNS or height < 24:
        return None
    cells = _cells(luma)
    low, high = float(cells.min()), float(cells.max())
    if high - low < MIN_CONTRAST:
        return None
    bits = (cells > (low + high) / 2).astype(np.uint8)
    return Mark.from_bytes(np.packbits(bits.reshape(-1)).tobytes())


def read_frame(frame: av.VideoFrame) -> Mark | None:
    """The mark on a decoded frame; planar YUV is read in place, anything else is converted."""
    if not frame.format.name.startswith(("yuv", "nv12", "gray")):
        frame = frame.reformat(format="gray")
    plane = frame.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8)[: plane.line_size * plane.height]
    return read(luma.reshape(plane.height, plane.line_size)[:, : plane.width])


def _cells(luma: Luma) -> npt.NDArray[np.float64]:
    """Mean of the middle half of every cell."""
    height, width = luma.shape
    means = np.empty((ROWS, COLUMNS))
    for row in range(ROWS):
        top, bottom = _middle(height, TOP + row * CELL_HEIGHT, CELL_HEIGHT)
        line = luma[top:bottom].mean(axis=0)
        for column in range(COLUMNS):
            left, right = _middle(width, LEFT + column * CELL_WIDTH, CELL_WIDTH)
            means[row, column] = line[left:right].mean()
    return means


def _middle(length: int, start: float, size: float) -> tuple[int, int]:
    first = round(length * (start + size / 4))
    return first, max(first + 1, round(length * (start + size * 3 / 4)))


def _edges(length: int, start: float, size: float, count: int) -> list[int]:
    return [round(length * (start + i * size)) for i in range(count + 1)]


def _checksum(payload: bytes) -> bytes:
    # CRC-16/XMODEM; the start value is ours, so that an all-black strip is not valid.
    return binascii.crc_hqx(payload, 0x7E27).to_bytes(2, "big")
