"""Where a player is in its clip.

play (start) → **playhead** → tracks (what is due)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from agents.clip import GRID_S

LEAD_S: Final = 0.06
"""Between `start` and the first frame: both tracks have left their waiting by then."""


@dataclass(slots=True)
class Playhead:
    """Where both tracks are.  Media time: seconds since the first packet of either."""

    duration: Fraction
    loop: bool
    origin: float | None = None
    """Event loop time of media time 0."""
    start: Fraction | None = None
    """Media time of the clip's start, on the 20 ms grid."""
    started: asyncio.Event = field(default_factory=asyncio.Event)
    unfinished: set[str] = field(default_factory=set)
    """Kinds of the tracks that still play."""
    finished: asyncio.Event = field(default_factory=asyncio.Event)

    def now(self) -> float:
        """The media time; the first call begins it."""
        loop_time = asyncio.get_running_loop().time()
        if self.origin is None:
            self.origin = loop_time
        return loop_time - self.origin

    def begin(self) -> None:
        """Start the clip; again is harmless."""
        if self.start is None:
            self.start = -(-Fraction(self.now() + LEAD_S) // GRID_S) * GRID_S
            self.started.set()

    async def until(self, media_time: float) -> None:
        """Sleep until that media time."""
        if (wait := media_time - self.now()) > 0:
            await asyncio.sleep(wait)

    def finish(self, kind: str) -> None:
        """The track of this kind has played its last unit."""
        self.unfinished.discard(kind)
        if not self.unfinished:
            self.finished.set()
