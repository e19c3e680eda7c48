"""What participants are told without having asked: who came and went, who sits where.

device (QSS events), front_door (events of the control link) -> **told** -> report

What a join costs the others is this: frames, and SDP, of which there should be none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Ear:
    """One participant's: what it has heard, a bit for each thing that `Told` has numbered."""

    heard: int = 0


@dataclass(slots=True)
class Told:
    """Counts by the event's name, over all participants."""

    events: Counter[str] = field(default_factory=Counter)
    again: Counter[str] = field(default_factory=Counter)
    """Of these, those that told somebody again of the same participant with the same connection."""
    sdp_octets: int = 0
    _numbers: dict[tuple[Any, ...], int] = field(default_factory=dict)
    """Shared by all ears, so that each keeps a few hundred octets for thousands of participants."""

    def hear(self, name: str, data: Any, ear: Ear | None = None) -> None:  # noqa: ANN401 - whatever comes
        """One event came in somewhere; with an ear, where."""
        self.events[name] += 1
        if not isinstance(data, dict):
            return
        if isinstance(data.get("sdp"), str):
            self.sdp_octets += len(data["sdp"])
        who = tuple(data.get(key) for key in ("roomId", "userId", "peer"))
        if ear is not None and all(isinstance(word, str) for word in who):
            bit = 1 << self._numbers.setdefault((name, *who), len(self._numbers))
            self.again[name] += bool(ear.heard & bit)
            ear.heard |= bit

    def copy(self) -> Told:
        """As it is now."""
        return Told(self.events.copy(), self.again.copy(), self.sdp_octets)

    def since(self, before: Told) -> Told:
        """What came on top of an earlier state."""
        return Told(self.events - before.events, self.again - before.again, self.sdp_octets - before.sdp_octets)

    def as_object(self) -> dict[str, Any]:
        """A part of the report."""
        again = {name: count for name, count in self.again.items() if count}
        return {
            "frames": self.events.total(),
            "sdp_octets": self.sdp_octets,
            "events": dict(self.events),
            "again": again,
        }
