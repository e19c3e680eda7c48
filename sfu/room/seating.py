"""Who is shown to whom: fills the open seats of a room's members, and says what that changes.

room (something has changed) -> **seating** (seats: who sits where) -> effects

A member is shown others only while its seats are open, that is after it has applied the answer that made them.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sfu.media import Kind
from sfu.room.effects import Effect, Show, Tell, TrackKey
from sfu.room.members import Member
from sfu.room.seats import Occupant, fill
from sfu.room.tracks import SEAT_SOURCES, PeerId, SeatSource, Track
from sfu.sdp.agreement import SeatMids

NO_CODEC: Final = "no common codec"


class Seating:
    """The seats of all members; the room owns these, and tells who spoke."""

    def __init__(self, members: Mapping[PeerId, Member]) -> None:
        self._members = members
        self._spoke: dict[PeerId, int] = {}
        self._turns = 0

    def spoke(self, peers: Sequence[PeerId]) -> None:
        """These speak now: they come before those who spoke earlier."""
        self._turns += 1
        self._spoke |= dict.fromkeys(peers, self._turns)

    def forget(self, peer: PeerId) -> None:
        """The peer is gone."""
        self._spoke.pop(peer, None)

    def fill_all(self) -> list[Effect]:
        """Fill the open seats of everybody."""
        everybody = self._candidates()
        return [effect for member in self._members.values() for effect in self._fill(member, everybody)]

    def fill(self, member: Member) -> list[Effect]:
        """Fill the open seats of one member."""
        return self._fill(member, self._candidates())

    def _fill(self, member: Member, everybody: Sequence[Occupant]) -> list[Effect]:
        if not member.connected:
            return []
        now = {seat: member.seating.get(seat) for seat in sorted(member.open)}
        candidates = [one for one in everybody if one.peer != member.peer] if member.rights.receive else []
        member.seating = fill(now, candidates, member.wishes)
        shows = [show for mid, source in self._sources(member).items() for show in _shown(member, mid, source)]
        return [*shows, *self._told(member)]

    def _candidates(self) -> list[Occupant]:
        """Everybody who could be shown: screens first, then who spoke last, then who came first."""
        found = [
            Occupant(member.peer, member.participant, source)
            for member in self._members.values()
            if member.connected and member.rights.publish
            for source in _seat_sources(member)
        ]
        return sorted(found, key=lambda one: (one.source != "screen", -self._spoke.get(one.peer, 0)))

    def _sources(self, member: Member) -> dict[str, TrackKey | None]:
        """What each m-line of the member's open seats is to show."""
        wanted: dict[str, TrackKey | None] = {}
        for seat, occupant in member.seating.items():
            mids = member.seats[seat]
            for mid, kind in _lines(mids):
                track = self._track_of(occupant, kind)
                key = (track.peer, track.mid) if track else None
                wanted[mid] = None if key and (mid, key) in member.unshowable else key
        return wanted

    def _told(self, member: Member) -> Iterator[Tell]:
        views = {seat: self._view(member, seat) for seat in sorted(member.open)}
        unknown = object()
        changed = {seat: view for seat, view in views.items() if member.told.get(seat, unknown) != view}
        if changed:
            member.told |= changed
            yield Tell(member.peer, "seats", {str(seat): view for seat, view in changed.items()})

    def _view(self, member: Member, seat: int) -> dict[str, object] | None:
        occupant = member.seating.get(seat)
        if occupant is None:
            return None
        view: dict[str, object] = {
            "participant": occupant.participant,
            "peer": occupant.peer,
            "source": occupant.source,
            "track": {"audio": None, "video": None},
        }
        ids: dict[str, str | None] = {"audio": None, "video": None}
        for mid, kind in _lines(member.seats[seat]):
            track = self._track_of(occupant, kind)
            if track and (mid, (track.peer, track.mid)) in member.unshowable:
                view["reason"] = NO_CODEC
            elif track and track.published:
                ids[kind] = track.id
        return view | {"track": ids}

    def _track_of(self, occupant: Occupant | None, kind: Kind) -> Track | None:
        member = self._members.get(occupant.peer) if occupant else None
        for track in member.tracks.values() if member else ():
            if occupant and track.kind == kind and SEAT_SOURCES[track.source] == occupant.source:
                return track
        return None


def _shown(member: Member, mid: str, source: TrackKey | None) -> Iterator[Show]:
    if member.shown.get(mid) == source:
        return
    if source is None:
        del member.shown[mid]
    else:
        member.shown[mid] = source
    yield Show(member.peer, mid, source)


def _lines(mids: SeatMids) -> Iterator[tuple[str, Kind]]:
    if mids.audio is not None:
        yield mids.audio, "audio"
    if mids.video is not None:
        yield mids.video, "video"


def _seat_sources(member: Member) -> list[SeatSource]:
    """What the member can be seen with: its camera or microphone, its screen."""
    return list(dict.fromkeys(SEAT_SOURCES[track.source] for track in member.tracks.values()))
