"""What a peer publishes, and what the others are told of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from sfu.media import Kind

PeerId = str
Source = Literal["camera", "microphone", "screen", "screen-audio"]
SeatSource = Literal["camera", "screen"]
"""What a seat shows of a participant: camera and microphone, or screen and its sound."""

SEAT_SOURCES: Final[dict[Source, SeatSource]] = {
    "camera": "camera",
    "microphone": "camera",
    "screen": "screen",
    "screen-audio": "screen",
}
KINDS: Final[dict[Source, Kind]] = {
    "camera": "video",
    "microphone": "audio",
    "screen": "video",
    "screen-audio": "audio",
}


@dataclass(slots=True)
class Track:
    """One m-line a peer sends on.  It is published once its first packet has come."""

    peer: PeerId
    participant: str
    mid: str
    kind: Kind
    source: Source
    muted: bool = False
    published: bool = False
    announced: bool = False
    """The others have been told of it."""

    @property
    def id(self) -> str:
        """Unique in the node."""
        return track_id(self.peer, self.mid)

    @property
    def is_on(self) -> bool:
        """Its publisher means to send."""
        return self.published and not self.muted

    @property
    def may_rest(self) -> bool:
        """It may send nothing for as long as nothing changes: a screen on which nothing moves, its sound."""
        return SEAT_SOURCES[self.source] == "screen"

    def wire(self) -> dict[str, object]:
        """As clients are told it."""
        return {
            "track": self.id,
            "participant": self.participant,
            "peer": self.peer,
            "kind": self.kind,
            "source": self.source,
            "muted": self.muted,
        }


def track_id(peer: PeerId, mid: str) -> str:
    """How clients are told of what a peer sends on an m-line."""
    return f"{peer}:{mid}"


def default_source(kind: Kind, others: Iterable[Track]) -> Source:
    """What an m-line is taken for until the client says: the first of its kind is the person, the next the screen."""
    first = not any(other.kind == kind for other in others)
    if kind == "audio":
        return "microphone" if first else "screen-audio"
    return "camera" if first else "screen"
