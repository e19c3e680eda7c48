"""Who sits where, and whose frames those are.

node's `seats` event → **seats** ← frames of the seats' receivers → a Participant's tracks

A seat's receiver stays for the whole connection while the people in it change.  A relay reads each receiver all the
time, so that nothing piles up in aiortc, and hands frames to whoever sits there now.  Frames that are faster than
the event that says whose they are wait for it.

Queues: a participant's track holds `HELD` frames, the oldest gives way; nobody has to read it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from agents.node_client import SeatMids
from agents.tap import Tap

HELD: Final = {"audio": 150, "video": 75}
"""Frames; 3 s of either."""
EARLY_S: Final = 1.0
"""How long a frame waits to hear whose it is."""

Frame = AudioFrame | VideoFrame


class ParticipantTrack(MediaStreamTrack):
    """One participant's sound or picture, decoded; through whichever seat it comes.  For one reader."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.tap: Tap | None = None
        """The receiver that the frame given last came through."""
        self.dropped = 0
        """Frames that gave way because nobody read them."""
        self._frames: deque[tuple[Frame, Tap]] = deque()
        self._changed = asyncio.Event()

    async def recv(self) -> Frame:
        """The next decoded frame; MediaStreamError once the participant has gone."""
        while not self._frames:
            if self.readyState != "live":
                raise MediaStreamError
            self._changed.clear()
            await self._changed.wait()
        frame, self.tap = self._frames.popleft()
        return frame

    def put(self, frame: Frame, tap: Tap) -> None:
        """A frame has come."""
        if len(self._frames) >= HELD[self.kind]:
            self._frames.popleft()
            self.dropped += 1
        self._frames.append((frame, tap))
        self._changed.set()

    def stop(self) -> None:
        """No more frames; those held can still be read."""
        super().stop()
        self._changed.set()


class Participant:
    """One peer of the room other than ourselves."""

    def __init__(self, user: str, peer: str) -> None:
        self.user = user
        """User id."""
        self.peer = peer
        self.audio = ParticipantTrack("audio")
        self.video = ParticipantTrack("video")

    def stop(self) -> None:
        """End its tracks; again is harmless."""
        self.audio.stop()
        self.video.stop()


class Relay:
    """One m-line of a seat: its receiver's frames, to whoever sits there."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._to: ParticipantTrack | None = None
        self._early: deque[tuple[float, Frame]] = deque(maxlen=HELD[tap.kind])

    async def run(self, source: MediaStreamTrack) -> None:
        """Read the receiver until it ends."""
        while True:
            try:
                frame: Any = await source.recv()
            except MediaStreamError:
                return
            self._deliver(frame)

    def seat(self, track: ParticipantTrack | None) -> None:
        """Somebody else sits here from now on, or nobody."""
        if track is self._to:
            return
        previous, self._to = self._to, track
        now = asyncio.get_running_loop().time()
        early, self._early = self._early, deque(maxlen=self._early.maxlen)
        if track is not None and previous is None:
            for at, frame in early:
                if now - at < EARLY_S:
                    track.put(frame, self._tap)

    def _deliver(self, frame: Frame) -> None:
        if self._to is not None:
            self._to.put(frame, self._tap)
        else:
            self._early.append((asyncio.get_running_loop().time(), frame))


class SeatTable:
    """Which relays are which seat's, and who sits there."""

    def __init__(self) -> None:
        self._relays: dict[str, dict[str, Relay]] = {}
        self._sitting: dict[str, str | None] = {}

    def __len__(self) -> int:
        return len(self._relays)

    def add(self, seat: str, audio: Relay, video: Relay) -> None:
        """A seat that an answer has made."""
        self._relays[seat] = {"audio": audio, "video": video}

    def __contains__(self, seat: str) -> bool:
        return seat in self._relays

    def sit(self, event: dict[str, Any]) -> None:
        """Note a `seats` event: only the seats that changed are in it."""
        for seat, occupant in event.items():
            self._sitting[str(seat)] = str(occupant["peer"]) if isinstance(occupant, dict) else None

    def apply(self, participants: dict[str, Participant]) -> None:
        """Direct every relay to who sits there."""
        for seat, relays in self._relays.items():
            who = participants.get(self._sitting.get(seat) or "")
            relays["audio"].seat(who.audio if who else None)
            relays["video"].seat(who.video if who else None)


__all__ = ["Participant", "ParticipantTrack", "Relay", "SeatMids", "SeatTable"]
