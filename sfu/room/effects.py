"""What a room's rules ask for.

room -> **effects** -> node -> core, clients
"""

from dataclasses import dataclass

from sfu.room.tracks import PeerId

TrackKey = tuple[PeerId, str]
"""Peer and mid of a track."""


@dataclass(frozen=True, slots=True)
class Show:
    """The core is to show `source` on m-line `mid` of `peer`, or nothing."""

    peer: PeerId
    mid: str
    source: TrackKey | None


@dataclass(frozen=True, slots=True)
class View:
    """The core is to serve m-line `mid` of `peer` with so many lines of picture (None: all there are), so urgently."""

    peer: PeerId
    mid: str
    height: int | None
    priority: int


@dataclass(frozen=True, slots=True)
class Tell:
    """The client of `peer` is to get this event."""

    peer: PeerId
    event: str
    data: object


Effect = Show | View | Tell
