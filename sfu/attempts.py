"""Which of signaling's processes is tried next, and after how long.  No sockets, no clock.

link (lost, refused, registered) -> **attempts** -> link (the next URL, the pause before it)

Each process is tried once before any is tried again, with hardly a pause, so that a node is registered elsewhere well
within a second; after a round without success the pauses grow.
"""

from collections.abc import Sequence
from typing import Final

NEXT_S: Final = 0.05
"""Before another process is tried; many nodes lose one process at the same moment."""
FIRST_ROUND_S: Final = 0.25
"""After all have been tried in vain."""
LAST_ROUND_S: Final = 5.0


class Attempts:
    """The URLs in turn."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)
        self._at = 0
        self._failed = 0
        self._round_s = FIRST_ROUND_S

    @property
    def url(self) -> str:
        """Where to connect now."""
        return self._urls[self._at]

    def succeeded(self) -> None:
        """Registered there: whatever comes later is a new trouble."""
        self._failed = 0
        self._round_s = FIRST_ROUND_S

    def failed(self) -> float:
        """Lost or not let in: go on to the next; seconds to wait before it."""
        self._at = (self._at + 1) % len(self._urls)
        self._failed += 1
        if self._failed % len(self._urls):
            return NEXT_S
        pause_s, self._round_s = self._round_s, min(self._round_s * 2, LAST_ROUND_S)
        return pause_s
