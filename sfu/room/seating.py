"""Who is shown to whom: fills the open seats of a room's members, and says what that changes.

room (something has changed) -> **seating** (candidates, seats: who sits where) -> effects

A member is shown others only while its seats are open, that is after it has applied the answer that made them.  A
change concerns those who see the one who changed, those who asked for him, and everybody only if the first candidates
are others now: so a join into a large room costs what it costs in a small one.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from sfu.media import Kind
from sfu.room.candidates import Candidates
from sfu.room.effects import Effect, Show, Tell, TrackKey
from sfu.room.members import Member
from sfu.room.seats import Occupant, Wish, fill
from sfu.room.tracks import SEAT_SOURCES, PeerId, SeatSource, Track
from sfu.sdp.agreement import SeatMids

NO_CODEC: Final = "no common codec"


class Seating:
    """The seats of all members; the room owns these, and tells who spoke."""

    def __init__(self, members: Mapping[PeerId, Member]) -> None:
        self._members = members
        self._candidates = Candidates()
        self._head: list[Occupant] = []
        """The first candidates, as many as the member with the most seats could be shown."""
        self._most_seats = 0
        self._watchers: dict[PeerId, set[PeerId]] = {}
        """Who has a seat that shows this peer."""
        self._wishers: dict[str | None, set[PeerId]] = {}
        """Who asked for this participant; None: for any with a certain source."""

    def enter(self, peer: PeerId) -> None:
        """The peer has come, behind all who are there."""
        self._candidates.enter(peer)

    def spoke(self, peers: Sequence[PeerId]) -> list[Effect]:
        """These speak now: they come before those who spoke earlier."""
        self._candidates.spoke(peers)
        wished = {None, *(self._members[peer].participant for peer in peers)}
        return self._refill(set().union(*(self._wishers.get(one, set()) for one in wished)))

    def wish(self, member: Member, wishes: Mapping[int, Wish]) -> list[Effect]:
        """What the member looks at; replaces what he asked for before."""
        self._forget_wishes(member)
        member.wishes = dict(wishes)
        for wish in member.wishes.values():
            self._wishers.setdefault(wish.participant, set()).add(member.peer)
        return self.fill(member)

    def leave(self, member: Member) -> list[Effect]:
        """The member is gone: his seats, and himself in those of the others."""
        self._forget_wishes(member)
        self._watch(member, {})
        self._candidates.leave(member.peer, member.participant)
        return self._refill(self._concerned(member))

    def changed(self, member: Member) -> list[Effect]:
        """What the member can be shown with, or how, has changed: for all whom that concerns."""
        sources = _seat_sources(member) if member.connected and member.rights.publish else []
        self._candidates.put(member.peer, member.participant, sources)
        return self._refill({*self._concerned(member), member.peer})

    def fill(self, member: Member) -> list[Effect]:
        """Fill the open seats of one member."""
        if not member.connected:
            return []
        now = {seat: member.seating.get(seat) for seat in sorted(member.open)}
        candidates = (
            self._candidates.for_seats(member.peer, now.values(), member.wishes) if member.rights.receive else ()
        )
        self._watch(member, fill(now, candidates, member.wishes))
        shows = [show for mid, source in self._sources(member).items() for show in _shown(member, mid, source)]
        return [*shows, *self._told(member)]

    def _concerned(self, member: Member) -> set[PeerId]:
        """Who sees the member, or asked to, wherever he stands among the candidates."""
        wishers = (self._wishers.get(wished, set()) for wished in (None, member.participant))
        return self._watchers.get(member.peer, set()).union(*wishers)

    def _refill(self, concerned: Collection[PeerId]) -> list[Effect]:
        """Fill the seats of these; of everybody if there are others among the first candidates."""
        self._most_seats = max(
            [self._most_seats, *(len(self._members[peer].seats) for peer in concerned if peer in self._members)]
        )
        head = self._candidates.head(self._most_seats + 1)
        if head != self._head:
            self._head, concerned = head, self._members
        return [effect for peer in concerned if peer in self._members for effect in self.fill(self._members[peer])]

    def _watch(self, member: Member, seating: dict[int, Occupant | None]) -> None:
        before, after = _seated(member.seating), _seated(seating)
        for peer in before - after:
            self._watchers[peer].discard(member.peer)
            if not self._watchers[peer]:
                del self._watchers[peer]
        for peer in after - before:
            self._watchers.setdefault(peer, set()).add(member.peer)
        member.seating = seating

    def _forget_wishes(self, member: Member) -> None:
        for wish in member.wishes.values():
            wishers = self._wishers.get(wish.participant, set())
            wishers.discard(member.peer)
            if not wishers:
                self._wishers.pop(wish.participant, None)

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


def _seated(seating: Mapping[int, Occupant | None]) -> set[PeerId]:
    return {occupant.peer for occupant in seating.values() if occupant}


def _seat_sources(member: Member) -> list[SeatSource]:
    """What the member can be seen with: its camera or microphone, its screen."""
    return list(dict.fromkeys(SEAT_SOURCES[track.source] for track in member.tracks.values()))
