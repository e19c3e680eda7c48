"""Where the participants of a run find a server that speaks WHIP and WHEP, and what lets them in.

cli -> **addresses** -> whip
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from agents.errors import ConfigError


class Address:
    """A URL with `{room}` and `{n}`, the numbers of room and participant; `{room:04d}` says how they are written."""

    def __init__(self, flag: str, text: str) -> None:
        self._text = text
        try:
            self.of(1, 1)
        except (KeyError, IndexError, ValueError, AttributeError):
            raise ConfigError(f"{flag} {text!r}: only {{room}} and {{n}} may stand in braces") from None

    def of(self, room: int, number: int) -> str:
        """The URL of one participant."""
        return self._text.format(room=room, n=number)


class Bearers:
    """Tokens by participant of a room: line n is the n-th one's, and the last line that of all others."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self._lines = tuple(lines)

    @classmethod
    def read(cls, path: Path) -> Bearers:
        """From a file."""
        try:
            lines = [line.strip() for line in path.read_text().splitlines() if line.strip()]
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: {getattr(error, 'strerror', None) or 'is not text'}") from None
        if not lines:
            raise ConfigError(f"{path}: holds no token")
        return cls(lines)

    def headers(self, number: int) -> dict[str, str]:
        """What a participant sends with each request."""
        if not self._lines:
            return {}
        return {"Authorization": f"Bearer {self._lines[min(number, len(self._lines)) - 1]}"}
