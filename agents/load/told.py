"""What participants are told without having asked: who came and went, who sits where.

device (QSS events), front_door (events of the control link) -> **told** -> report

What a join costs the others is this: frames, and SDP, of which there should be none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Told:
    """Counts by the event's name, over all participants."""

    events: Counter[str] = field(default_factory=Counter)
    sdp_octets: int = 0

    def hear(self, name: str, data: Any) -> None:  # noqa: ANN401 - whatever comes
        """One event came in somewhere."""
        self.events[name] += 1
        if isinstance(data, dict) and isinstance(data.get("sdp"), str):
            self.sdp_octets += len(data["sdp"])

    def copy(self) -> Told:
        """As it is now."""
        return Told(self.events.copy(), self.sdp_octets)

    def since(self, before: Told) -> Told:
        """What came on top of an earlier state."""
        return Told(self.events - before.events, self.sdp_octets - before.sdp_octets)

    def as_object(self) -> dict[str, Any]:
        """A part of the report."""
        return {"frames": self.events.total(), "sdp_octets": self.sdp_octets, "events": dict(self.events)}
