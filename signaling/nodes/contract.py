"""What goes over `/nodes`, typed (docs/protocol.md, "Nodes"); checked as strictly as the frames of devices."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from ..qss.figures import Figures
from ..qss.frames import Server

NodeName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$")]
Text = Annotated[str, Meta(min_length=1, max_length=128)]
Count = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(ge=0, le=1e8)]
Score = Annotated[float, Meta(ge=1, le=5)]


class NodeAuth(Struct, frozen=True, kw_only=True):
    """What a node presents at connect."""

    node: NodeName
    instance: Text
    secret: str


class Load(Struct, frozen=True, kw_only=True):
    """How busy a node is; what it does not say counts as nothing."""

    peers: Count = 0
    rooms: Count = 0
    cpu: float = 0.0
    packets_in: float = 0
    packets_out: float = 0


class Capacity(Struct, frozen=True, kw_only=True):
    """How much a node can carry."""

    peers: Annotated[int, Meta(ge=1)]


class HeldRights(Struct, frozen=True, kw_only=True):
    """What a grant allows."""

    publish: bool = True
    receive: bool = True


class HeldGrant(Struct, frozen=True, kw_only=True):
    """A grant that the node holds."""

    user: Text
    serial: Count
    digest: Text
    rights: HeldRights = HeldRights()


class HeldPeer(Struct, frozen=True, kw_only=True):
    """A peer whose media is connected."""

    peer: Text
    user: Text


class HeldRoom(Struct, frozen=True, kw_only=True):
    """A room that the node carries; `record` is what it was opened with."""

    room: Text
    record: dict[str, Any]
    grants: tuple[HeldGrant, ...] = ()
    peers: tuple[HeldPeer, ...] = ()


class Register(Struct, frozen=True, kw_only=True):
    """What a node is and carries.  With many rooms it comes in several parts, all but the last with `more`."""

    node: NodeName
    instance: Text
    server: Server
    capacity: Capacity
    workers: Count = 0
    version: str = ""
    load: Load = Load()
    rooms: tuple[HeldRoom, ...] = ()
    more: bool = False


class StayQuality(Struct, frozen=True, kw_only=True):
    """How good a peer's stay was."""

    score: Score
    worst: Score
    audio_score: Score | None = field(name="audioScore", default=None)
    video_score: Score | None = field(name="videoScore", default=None)
    seconds: Seconds
    """In which there was something to hear or to see: what the scores are the means of."""
    connected_seconds: Seconds | None = field(name="connectedSeconds", default=None)
    """From connected to left; None, of a node that does not say it: as long as there was something."""


class PeerEvent(Struct, frozen=True, kw_only=True):
    """`joined` and `left`; the latter with `quality` where there was something to hear or to see."""

    room: Text
    user: Text
    peer: Text
    reason: Annotated[str, Meta(max_length=128)] = "left"
    quality: StayQuality | None = None


class RatedRoom(Struct, frozen=True, kw_only=True):
    """The participants of a room whose media does not travel well, and figures of as many as there is a place for."""

    room: Text
    participants: Annotated[dict[Text, Literal["good", "fair", "poor", "lost"]], Meta(max_length=1_000)]
    figures: Annotated[dict[Text, Figures], Meta(max_length=1_000)] = {}


class Ratings(Struct, frozen=True, kw_only=True):
    """`quality`: rooms in which that has changed, and others for their figures."""

    rooms: Annotated[tuple[RatedRoom, ...], Meta(max_length=1_000)]


class RoomRecord(Struct, frozen=True, kw_only=True):
    """What we need to know a room again: opaque to the node, which keeps it for us."""

    id: str
    number: str
    timestamp: int
    record: bool
    participants_limit: int = field(name="participantsLimit")
    bitrate: int
    key: str = ""
