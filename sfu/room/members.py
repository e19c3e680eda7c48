"""One peer of a room, as the rules see it."""

from dataclasses import dataclass, field

from sfu.room.effects import TrackKey
from sfu.room.grants import Rights
from sfu.room.seats import Occupant, Wish
from sfu.room.tracks import PeerId, Track
from sfu.room.views import Look
from sfu.sdp.agreement import SeatMids


@dataclass(slots=True)
class Member:
    """One peer of the room."""

    peer: PeerId
    participant: str
    rights: Rights
    connected: bool = False
    announced: bool = False
    """The others have been told that it is here."""
    tracks: dict[str, Track] = field(default_factory=dict)
    wishes: dict[int, Wish] = field(default_factory=dict)
    looks: dict[int, Look] = field(default_factory=dict)
    seats: dict[int, SeatMids] = field(default_factory=dict)
    """Every seat agreed on."""
    open: frozenset[int] = frozenset()
    """Those whose answer the client has applied."""
    seating: dict[int, Occupant | None] = field(default_factory=dict)
    kept: dict[int, float] = field(default_factory=dict)
    """Seats that a speaker took, and until when no other speaker may take them."""
    told: dict[int, object] = field(default_factory=dict)
    """Seats as the client knows them."""
    shown: dict[str, TrackKey] = field(default_factory=dict)
    """What the core shows on each m-line."""
    viewed: dict[str, tuple[int | None, int]] = field(default_factory=dict)
    """Lines and priority of each m-line's picture, as the core knows them."""
    paused: set[str] = field(default_factory=set)
    """M-lines: of what they show the peer's path carries nothing now."""
    unshowable: set[tuple[str, TrackKey]] = field(default_factory=set)
    """M-line and track that have no codec in common."""

    def wire(self) -> dict[str, object]:
        """As clients are told it."""
        return {"participant": self.participant, "peer": self.peer}
