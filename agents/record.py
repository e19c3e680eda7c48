"""Writes what a participant sends into a Matroska file.

seats → decoded frames → **record** → OUT.mkv (H.264 and Opus)

Sound and picture are put side by side by the publisher's own clock (sender reports, tap.py), so the file is as much
in step as the call was; a publisher without reports is placed by arrival.  The first frames wait for that, up to
`DECIDE_S`.

Encoding runs in a thread.  Bounds: `QUEUE` frames wait for it, further ones are dropped and counted; the file ends at
`MAX_BYTES` or `MAX_S`, and `note` says so.
"""

from __future__ import annotations

import contextlib
import queue
import threading
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av

from agents.errors import ClipError
from agents.seats import Frame
from agents.tap import Tap, signed_distance

QUEUE: Final = 256
DECIDE_S: Final = 2.0
MAX_BYTES: Final = 1 << 30
MAX_S: Final = 4 * 3600
VIDEO_BASE: Final = Fraction(1, 90_000)
AUDIO_BASE: Final = Fraction(1, 48_000)


@dataclass(frozen=True, slots=True)
class Item:
    """One decoded frame, with all that places it in time."""

    frame: Frame
    tap: Tap | None
    timestamp: int | None
    """RTP, 32 bits."""
    at: float
    """Arrival, loop time."""

    @property
    def kind(self) -> str:
        """Which stream it belongs to."""
        return "video" if isinstance(self.frame, av.VideoFrame) else "audio"

    def moment(self) -> float | None:
        """The publisher's wall clock."""
        if self.tap is None or self.timestamp is None:
            return None
        return self.tap.clock.moment(self.timestamp)


class Recorder:
    """One file.  `put` from the event loop, `close` at the end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.dropped = 0
        self.note: str | None = None
        """Why it ended before the call did."""
        self._queue: queue.Queue[Item | None] = queue.Queue(QUEUE)
        try:
            path.open("wb").close()  # FFmpeg would notice with the first packet only
            self._container = av.open(str(path), "w", format="matroska")
        except (av.FFmpegError, OSError) as error:
            raise ClipError(path, f"cannot be written ({error.strerror or error})") from None
        self._thread = threading.Thread(target=self._run, name=f"record {path.name}", daemon=True)
        self._thread.start()

    def put(self, frame: Frame, tap: Tap | None, at: float) -> None:
        """One decoded frame; never waits."""
        if self.note is not None:
            return
        try:
            self._queue.put_nowait(Item(frame, tap, tap.timestamp(frame) if tap else None, at))
        except queue.Full:
            self.dropped += 1

    def close(self) -> None:
        """Finish the file; blocks until it is written.  Again is harmless."""
        if self._thread.is_alive():
            self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        writer = _Writer(self._container)
        try:
            while (item := self._queue.get()) is not None:
                if self.note is None:
                    writer.take(item)
                    self.note = writer.full()
            writer.finish()
        except (av.FFmpegError, OSError) as error:
            self.note = f"{self.path}: {error.strerror or error}"
            while self._queue.get() is not None:
                pass
        finally:
            with contextlib.suppress(av.FFmpegError, OSError):
                self._container.close()


class _Writer:
    """The thread's half: places frames in time and encodes them."""

    def __init__(self, container: av.container.OutputContainer) -> None:
        self._container = container
        self._waiting: list[Item] | None = []
        self._base = 0.0
        self._by_clock = False
        self._streams: dict[str, Any] = {}
        self._placed: dict[str, tuple[Tap | None, int, float]] = {}
        self._last_pts: dict[str, int] = {}
        self._bytes = 0
        self._seconds = 0.0

    def take(self, item: Item) -> None:
        """Write an item, or keep it until it is known where the file begins."""
        if self._waiting is None:
            self._write(item)
            return
        self._waiting.append(item)
        kinds = {waiting.kind for waiting in self._waiting if waiting.moment() is not None}
        if kinds == {"audio", "video"} or item.at - self._waiting[0].at > DECIDE_S or len(self._waiting) >= QUEUE:
            self._begin(by_clock=kinds == {"audio", "video"})

    def full(self) -> str | None:
        """The bound that has been reached, if any."""
        if self._bytes >= MAX_BYTES:
            return f"the recording ended at {MAX_BYTES >> 20} MB"
        return f"the recording ended after {MAX_S} s" if self._seconds >= MAX_S else None

    def finish(self) -> None:
        """Write what waits in here and in the encoders."""
        if self._waiting:
            self._begin(by_clock=False)
        for stream in self._streams.values():
            self._mux(stream.encode(None))

    def _begin(self, *, by_clock: bool) -> None:
        waiting, self._waiting = self._waiting or [], None
        self._by_clock = by_clock
        # All streams are made before the first packet: Matroska has its tracks in front.
        for kind in ("video", "audio"):
            first = next((item for item in waiting if item.kind == kind), None)
            if first is not None:
                self._streams[kind] = self._stream(first.frame)
        self._base = min(self._time(item) for item in waiting)
        for item in waiting:
            self._write(item)

    def _stream(self, frame: Frame) -> Any:  # noqa: ANN401 - either of PyAV's stream types
        if isinstance(frame, av.AudioFrame):
            return self._container.add_stream("libopus", rate=48_000, layout=frame.layout.name)
        stream = self._container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "21"})
        stream.width, stream.height, stream.pix_fmt = frame.width & ~1, frame.height & ~1, "yuv420p"
        stream.codec_context.time_base = VIDEO_BASE
        stream.codec_context.max_b_frames = 0
        return stream

    def _time(self, item: Item) -> float:
        moment = item.moment() if self._by_clock else None
        return item.at if moment is None else moment

    def _write(self, item: Item) -> None:
        stream = self._streams.get(item.kind)
        if stream is None:  # a stream that came after the file's beginning
            return
        frame, base = item.frame, VIDEO_BASE if item.kind == "video" else AUDIO_BASE
        pts = int(self._place(item) / base)
        pts = max(pts, self._last_pts.get(item.kind, -1) + 1)
        self._last_pts[item.kind], self._seconds = pts, float(pts * base)
        if isinstance(frame, av.VideoFrame):
            frame = frame.reformat(width=stream.width, height=stream.height, format="yuv420p")
            frame.pict_type = av.video.frame.PictureType.NONE
        frame.pts, frame.time_base = pts, base
        self._mux(stream.encode(frame))

    def _place(self, item: Item) -> float:
        """Seconds in the file: a stream is placed once, then goes by its own timestamps."""
        tap, first, start = self._placed.get(item.kind, (None, 0, 0.0))
        if item.timestamp is None or item.tap is not tap or item.kind not in self._placed:
            start = max(0.0, self._time(item) - self._base)
            self._placed[item.kind] = (item.tap, item.timestamp or 0, start)
            return start
        rate = 90_000 if item.kind == "video" else 48_000
        return start + signed_distance(item.timestamp, first) / rate

    def _mux(self, packets: list[Any]) -> None:
        for packet in packets:
            self._bytes += packet.size
            self._container.mux(packet)
