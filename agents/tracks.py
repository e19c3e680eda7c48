"""The two tracks that a clip is played on: the file's own packets, at their time.

playhead → **tracks** → aiortc's packetiser → node

A viewer who comes in the middle makes the node ask for a keyframe (PLI).  The clip has none to give before its next
own one, and jumping to another place or sending old frames again would disturb those who are watching.  So the
track *bridges* (bridge.py) and returns to the file's own packets at its next keyframe.  Every frame of the clip is
still sent once, in order and at its time; nothing is decoded while nobody asks.

While nobody takes the picture (taken.py) its frames pass without being sent; then it goes on where it is by then, with
a bridge.  The still before the start goes on, as it costs next to nothing.

Timestamps count from the first packet and go on through the start and through every turn of a loop.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Generic, TypeVar

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from agents.bridge import Bridge
from agents.clip import GRID_S, Clip, Picture, Sound
from agents.encoder import PictureEncoder, VideoCodec
from agents.pictures import VIDEO_CLOCK
from agents.playhead import Playhead
from agents.sounds import AUDIO_CLOCK, SILENT, silence

STILL_EVERY_S: Final = 0.1
"""While waiting: enough to keep a picture alive, 1 % of a core."""
AFTER_KEYFRAME_S: Final = 0.04
"""A receiver gives a frame out when the next one begins; so something follows a keyframe quickly."""
KEYFRAME_GAP_S: Final = 0.1
"""Keyframes on request are at least this far apart."""
NEAR_S: Final = 0.08
"""A keyframe of the clip that is this near is waited for instead."""
BEGINNING_S: Final = 1.0
"""The clip starts because somebody has come, who may not have been given a seat yet: so much of it is sent whatever."""

Unit = TypeVar("Unit", Picture, Sound)


@dataclass(slots=True)
class SentPictures:
    """What went out on the video track."""

    frames: int = 0
    """Frames of the clip."""
    keyframes: int = 0
    """Of those."""
    bridged: int = 0
    """Of those: encoded, because somebody asked for a keyframe."""
    stills: int = 0
    """Before the clip began, on top."""
    untaken: int = 0
    """Frames of the clip that were not sent, as nobody took them."""


@dataclass(slots=True)
class SentSounds:
    """What went out on the audio track."""

    packets: int = 0
    """Opus packets of the clip."""
    silent: int = 0
    """Before the clip began, on top."""


class _ClipTrack(MediaStreamTrack, Generic[Unit]):
    """What both tracks share: units of the clip in turn, each at its time."""

    def __init__(self, units: tuple[Unit, ...], clock: int, head: Playhead) -> None:
        super().__init__()
        self._head = head
        self._clock = clock
        self._given: int | None = None
        self._turns: Iterator[tuple[int, Unit, int]] = self._timeline(units)

    def _timeline(self, units: tuple[Unit, ...]) -> Iterator[tuple[int, Unit, int]]:
        """(index, unit, ticks since the clip's start), turn after turn."""
        turn = 0
        while True:
            offset = int(turn * self._head.duration * self._clock)
            for index, unit in enumerate(units):
                yield index, unit, offset + unit.at
            turn += 1
            if not self._head.loop:
                return

    async def _next_unit(self) -> tuple[int, Unit, int]:
        """Sleep until the next unit is due; (index, unit, timestamp)."""
        assert self._head.start is not None  # noqa: S101 - only called once started
        upcoming = next(self._turns, None)
        if upcoming is None:
            self._head.finish(self.kind)
            self.stop()
            raise MediaStreamError
        index, unit, ticks = upcoming
        ticks += int(self._head.start * self._clock)
        await self._head.until(ticks / self._clock)
        return index, unit, ticks

    def wall_clock(self) -> float | None:
        """When, in Unix seconds, the packet given last was due: what a sender report pairs with its timestamp.

        The moment it was in fact sent is a few milliseconds later, and more on a busy machine; lips would follow.
        """
        if self._given is None:
            return None
        return time.time() - (self._head.now() - self._given / self._clock)

    def _packet(self, payload: bytes, ticks: int) -> av.Packet[Any]:
        self._given = ticks
        packet = av.Packet(payload)
        packet.pts = packet.dts = ticks
        packet.time_base = Fraction(1, self._clock)
        return packet

    def _check_live(self) -> None:
        if self.readyState != "live":
            raise MediaStreamError


class ClipAudio(_ClipTrack[Sound]):
    """The clip's Opus packets; silence before the start."""

    kind = "audio"

    def __init__(self, clip: Clip, head: Playhead) -> None:
        super().__init__(clip.sounds, AUDIO_CLOCK, head)
        self.sent = SentSounds()
        self.level = SILENT
        """RFC 6464 level of the packet given last; goes into its header."""
        self._silence = silence()
        self._waited = 0

    async def recv(self) -> av.Packet[Any]:
        """The next packet, when it is due."""
        self._check_live()
        # Silence fills the grid right up to the clip's start.
        if self._head.start is None or self._waited * GRID_S < self._head.start:
            return await self._quiet()
        _, sound, ticks = await self._next_unit()
        self.level = sound.level
        self.sent.packets += 1
        return self._packet(sound.payload, ticks)

    async def _quiet(self) -> av.Packet[Any]:
        ticks = int(self._waited * GRID_S * self._clock)
        self._waited += 1
        await self._head.until(ticks / self._clock)
        self.level = SILENT
        self.sent.silent += 1
        return self._packet(self._silence, ticks)


class ClipVideo(_ClipTrack[Picture]):
    """The clip's frames; a still before the start, a bridge where a keyframe is asked for."""

    kind = "video"

    def __init__(self, clip: Clip, head: Playhead) -> None:
        super().__init__(clip.pictures, VIDEO_CLOCK, head)
        self.sent = SentPictures()
        self._clip = clip
        self._taken = True
        self._resumes = False
        """Frames have been left out, so a keyframe has to come first."""
        self._wanted = asyncio.Event()
        self._last_keyframe = float("-inf")
        self._last_still = float("-inf")
        self._still_encoder: PictureEncoder | None = None
        self._frame: av.VideoFrame
        self._bridge: Bridge | None = None

    def request_keyframe(self) -> None:
        """A viewer cannot go on without one (RFC 4585 §6.3.1)."""
        self._wanted.set()

    def take(self, *, taken: bool) -> None:
        """Whether somebody is shown it; once somebody is again, it goes on with a keyframe."""
        self._taken = taken

    async def recv(self) -> av.Packet[Any]:
        """The next frame, when it is due."""
        self._check_live()
        while not self._head.started.is_set():
            if (still := await self._still()) is not None:
                return still
        while (packet := await self._frame_of_clip()) is None:
            pass
        return packet

    async def _frame_of_clip(self) -> av.Packet[Any] | None:
        """The next one, when it is due; None: it is not to be sent."""
        index, picture, ticks = await self._next_unit()
        if not self._is_taken(ticks):
            self._bridge = None
            self._resumes = True
            self.sent.untaken += 1
            return None
        if self._resumes:
            self._wanted.set()
        payload, keyframe = await self._own_or_bridged(index, picture)
        if self._resumes and not keyframe:
            self.sent.untaken += 1
            return None
        self._resumes = False
        self.sent.frames += 1
        self.sent.keyframes += keyframe
        if keyframe:
            self._note_keyframe()
        return self._packet(payload, ticks)

    def _is_taken(self, ticks: int) -> bool:
        begins = self._head.start
        return self._taken or begins is None or Fraction(ticks, self._clock) - begins < BEGINNING_S

    async def _still(self) -> av.Packet[Any] | None:
        """The next still picture: in its turn, or at once when a keyframe is asked for; None when the clip starts."""
        pause = AFTER_KEYFRAME_S if self._last_still <= self._last_keyframe else STILL_EVERY_S
        await self._wait_for_request(self._last_still + pause)
        if self._head.started.is_set():
            return None
        if self._still_encoder is None:
            self._frame = self._own_still()
            self._still_encoder = PictureEncoder(self.codec, self._frame.width, self._frame.height)
        now = self._head.now()
        encode = functools.partial(self._still_encoder.encode, self._frame, keyframe=self._keyframe_due())
        payload, keyframe = await asyncio.get_running_loop().run_in_executor(None, encode)
        self._last_still = now
        if keyframe:
            self._note_keyframe()
        self.sent.stills += 1
        return self._packet(payload, int(now * self._clock))

    async def _wait_for_request(self, media_time: float) -> None:
        """Until that media time, the clip's start, or a keyframe that may be made."""
        while (wait := media_time - self._head.now()) > 0 and not self._keyframe_due():
            waiters = [asyncio.ensure_future(event.wait()) for event in (self._wanted, self._head.started)]
            if self._wanted.is_set():  # too early for another one
                wait = min(wait, 0.02)
                waiters.pop(0).cancel()
            await asyncio.wait(waiters, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
            for waiter in waiters:
                waiter.cancel()
            if self._head.started.is_set():
                return

    async def _own_or_bridged(self, index: int, picture: Picture) -> tuple[bytes, bool]:
        """The file's own frame; while bridging, the same frame encoded anew."""
        if picture.keyframe:
            self._bridge = None
        elif self._bridge is not None:
            self._bridge.owe(picture)
        elif self._keyframe_due() and not self._own_is_near(index):
            self._bridge = Bridge(self.codec, self._since_keyframe(index))
        if self._bridge is None or not await self._bridge.ready():
            return picture.payload, picture.keyframe
        self.sent.bridged += 1
        return await self._bridge.next_frame(keyframe=self._keyframe_due())

    def _keyframe_due(self) -> bool:
        return self._wanted.is_set() and self._head.now() - self._last_keyframe >= KEYFRAME_GAP_S

    def _note_keyframe(self) -> None:
        self._last_keyframe = self._head.now()
        self._wanted.clear()

    def _own_is_near(self, index: int) -> bool:
        limit = self._clip.pictures[index].at + NEAR_S * self._clock
        return any(p.keyframe and p.at <= limit for p in self._clip.pictures[index : index + 16])

    def _since_keyframe(self, index: int) -> tuple[Picture, ...]:
        start = index
        while not self._clip.pictures[start].keyframe:
            start -= 1
        return self._clip.pictures[start : index + 1]

    @property
    def codec(self) -> VideoCodec:
        """What the packets are."""
        assert self._clip.codec is not None  # noqa: S101 - a clip with pictures has a codec
        return self._clip.codec

    def _own_still(self) -> av.VideoFrame:
        """A copy: the encoder writes into its frames, and other players of the clip have encoders, too."""
        assert self._clip.still is not None  # noqa: S101 - a clip with pictures has one
        return av.VideoFrame.from_ndarray(self._clip.still.to_ndarray(), format="yuv420p")
