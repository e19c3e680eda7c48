"""A clip that is played into a call.

clip → **play** → tracks → aiortc's packetiser → node

Until `start` the tracks are live but show a still picture and silence: so the node knows them, their sender reports
run, and whoever joins sees something at once; then the clip begins at its first frame for everybody.  That costs no
frame of the clip to whoever is there, and makes accept-to-first-frame independent of the clip's keyframes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiortc import MediaStreamTrack

from agents.clip import Clip
from agents.playhead import Playhead
from agents.tracks import ClipAudio, ClipVideo


class Player:
    """One playing of a clip.  Its tracks go to one call and end with it.

    `start` begins the clip; a Call does that when somebody is there to see it.
    """

    def __init__(self, clip: Clip, *, loop: bool = False) -> None:
        self.clip = clip
        self._head = Playhead(clip.duration, loop)
        self.video = ClipVideo(clip, self._head) if clip.pictures else None
        self.audio = ClipAudio(clip, self._head) if clip.sounds else None
        self._head.unfinished = {track.kind for track in self.tracks}

    @classmethod
    async def open(cls, path: Path | str, *, loop: bool = False) -> Player:
        """Load a file without holding up the event loop.  ClipError names it and what is wrong."""
        return cls(await asyncio.to_thread(Clip.load, path), loop=loop)

    @property
    def tracks(self) -> tuple[MediaStreamTrack, ...]:
        """The tracks there are: sound, picture."""
        return tuple(track for track in (self.audio, self.video) if track is not None)

    def start(self) -> None:
        """Begin the clip; again is harmless."""
        self._head.begin()

    async def finished(self) -> None:
        """Wait for the end of the clip; for ever when it loops."""
        await self._head.finished.wait()

    @property
    def seconds(self) -> float:
        """How long the clip has played."""
        if self._head.start is None:
            return 0.0
        played = max(0.0, self._head.now() - float(self._head.start))
        return played if self._head.loop else min(played, float(self.clip.duration))
