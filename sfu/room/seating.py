"""Who is shown to whom: fills the open seats of a room's members, and says what that changes.

room (something has changed) -> **seating** (candidates, seats: who sits where; views: how large) -> effects

A member is shown others only while its seats are open, that is after it has applied the answer that made them.  A
change concerns those who see the one who changed, those who asked for him, and those who have an empty seat: so a join
into a large room costs what it costs in a small one.  Speakers concern those who do not see them; a seat that one has
taken is his for a while, and whoever speaks then gets a seat when that is over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Final

from sfu.media import Kind
from sfu.room.candidates import Candidates
from sfu.room.effects import Effect, Show, Tell, TrackKey, View
from sfu.room.members import Member
from sfu.room.seats import NO_TALK, Occupant, Talk, Wish, fill
from sfu.room.tracks import SEAT_SOURCES, PeerId, SeatSource, Track
from sfu.room.views import ANYHOW, Look, priority
from sfu.sdp.agreement import SeatMids

NO_CODEC: Final = "no common codec"
KEEP_S: Final = 2.0
"""A seat that a speaker has taken is not taken by another so soon: a picture needs that long to be looked at."""
NEXT_LOOK: Final = float("-inf")

_Face = tuple[PeerId, SeatSource]
"""What a seat shows of whom."""


class Seating:
    """The seats of all members; the room owns these, and tells who spoke."""

    def __init__(self, members: Mapping[PeerId, Member]) -> None:
        self._members = members
        self._candidates = Candidates()
        self._watchers: dict[_Face, set[PeerId]] = {}
        """Who has a seat that shows this."""
        self._wishers: dict[str | None, set[PeerId]] = {}
        """Who asked for this participant; None: for any with a certain source."""
        self._vacant: set[PeerId] = set()
        """Who has an open seat in which nobody sits."""
        self._speaking: tuple[PeerId, ...] = ()
        self._dominant: PeerId | None = None
        self._waiting: dict[PeerId, float] = {}
        """Who does not see a speaker, and when one may take a seat there."""
        self._silenced: Set[PeerId] = frozenset()
        """Whose microphones are heard by nobody."""

    def enter(self, peer: PeerId) -> None:
        """The peer has come, behind all who are there."""
        self._candidates.enter(peer)

    def spoke(self, speaking: Sequence[PeerId], dominant: PeerId | None, now: float) -> list[Effect]:
        """These speak now: they come before those who spoke earlier, and take seats where they have none."""
        before = set(self._speaking), self._dominant
        self._candidates.spoke(speaking)
        self._speaking, self._dominant = tuple(speaking), dominant
        if not speaking:
            self._waiting.clear()
        if (set(speaking), dominant) == before:
            return []
        blind = {peer for speaker in speaking for peer in self._blind_to(speaker)}
        effects = self._seat_speakers(blind, now)
        for peer in {peer for one in (before[1], dominant) if one for peer in self._watching(one)} - blind:
            effects += self._views(self._members[peer])
        return effects

    def on_time(self, now: float) -> list[Effect]:
        """Let speakers take the seats that were kept for a while, where that is over."""
        return self._seat_speakers([peer for peer, due in self._waiting.items() if due <= now], now)

    def silence(self, peers: Set[PeerId]) -> list[Effect]:
        """The microphones of these, and of nobody else, are not to be heard; what clients are told of seats stays."""
        changed = peers ^ self._silenced
        self._silenced = frozenset(peers)
        watchers = {watcher for peer in changed for watcher in self._watching(peer)}
        return [show for watcher in watchers for show in self._shows(self._members[watcher])]

    def wish(self, member: Member, wishes: Mapping[int, Wish], looks: Mapping[int, Look]) -> list[Effect]:
        """What the member looks at; replaces what he asked for before."""
        self._forget_wishes(member)
        member.wishes, member.looks = dict(wishes), dict(looks)
        for wish in member.wishes.values():
            self._wishers.setdefault(wish.participant, set()).add(member.peer)
        return self.fill(member)

    def leave(self, member: Member) -> list[Effect]:
        """The member is gone: his seats, and himself in those of the others."""
        self._forget_wishes(member)
        self._watch(member, {})
        self._waiting.pop(member.peer, None)
        self._candidates.leave(member.peer, member.participant)
        return self._refill(self._concerned(member))

    def changed(self, member: Member) -> list[Effect]:
        """What the member can be shown with, or how, has changed: for all whom that concerns."""
        sources = _seat_sources(member) if member.connected and member.rights.publish else []
        new = self._candidates.put(member.peer, member.participant, sources)
        for_all: Iterable[PeerId] = self._members if "screen" in new else self._vacant if new else ()
        return self._refill({*self._concerned(member), member.peer, *for_all})

    def fill(self, member: Member) -> list[Effect]:
        """Fill the open seats of one member; a speaker who has to take somebody's waits for the next look."""
        if not member.connected:
            return []
        self._seat(member, NO_TALK)
        if _is_blind(member, self._speakers_for(member)):
            self._waiting[member.peer] = NEXT_LOOK
        return self._effects(member)

    # Who is concerned.

    def _concerned(self, member: Member) -> set[PeerId]:
        """Who sees the member, or asked to, wherever he stands among the candidates."""
        wishers = (self._wishers.get(wished, set()) for wished in (None, member.participant))
        return self._watching(member.peer).union(self._watchers.get((member.peer, "screen"), set()), *wishers)

    def _watching(self, speaker: PeerId) -> set[PeerId]:
        """Who has a seat that shows his face, and lets his voice be heard."""
        return self._watchers.get((speaker, "camera"), set())

    def _blind_to(self, speaker: PeerId) -> Set[PeerId]:
        return self._members.keys() - self._watching(speaker) - {speaker}

    def _refill(self, concerned: Iterable[PeerId]) -> list[Effect]:
        return [effect for peer in concerned if peer in self._members for effect in self.fill(self._members[peer])]

    # Who sits where.

    def _seat(self, member: Member, talk: Talk) -> None:
        now = {seat: member.seating.get(seat) for seat in sorted(member.open)}
        candidates: Sequence[Occupant] = ()
        if member.rights.receive:
            candidates = self._candidates.for_seats(member.peer, now.values(), member.wishes, talk.speakers)
        self._watch(member, fill(now, candidates, member.wishes, talk))

    def _seat_speakers(self, peers: Iterable[PeerId], now: float) -> list[Effect]:
        """Speakers take seats of these, of whoever spoke longest ago; where they have to wait is looked at again."""
        effects: list[Effect] = []
        for peer in peers:
            self._waiting.pop(peer, None)
            member = self._members.get(peer)
            if member and member.connected and member.open:
                before = member.seating
                self._seat_speakers_of(member, now)
                effects += self._views(member) if member.seating == before else self._effects(member)
        return effects

    def _seat_speakers_of(self, member: Member, now: float) -> None:
        member.kept = {seat: until for seat, until in member.kept.items() if until > now}
        talk = Talk(self._dominant, self._speakers_for(member), frozenset(member.kept))
        before = member.seating
        self._seat(member, talk)
        for seat, occupant in member.seating.items():
            if occupant != before.get(seat) and occupant in talk.speakers:
                member.kept[seat] = now + KEEP_S
        if member.kept and _is_blind(member, talk.speakers):
            self._waiting[member.peer] = min(member.kept.values())

    def _speakers_for(self, member: Member) -> list[Occupant]:
        """Who speaks now and could be shown to the member, the dominant one first."""
        found = self._candidates.cameras(self._speaking) if member.rights.receive else []
        return [one for one in found if one.peer != member.peer]

    def _watch(self, member: Member, seating: dict[int, Occupant | None]) -> None:
        before, after = _faces(member.seating), _faces(seating)
        for face in before - after:
            self._watchers[face].discard(member.peer)
            if not self._watchers[face]:
                del self._watchers[face]
        for face in after - before:
            self._watchers.setdefault(face, set()).add(member.peer)
        member.seating = seating
        if None in seating.values():
            self._vacant.add(member.peer)
        else:
            self._vacant.discard(member.peer)

    def _forget_wishes(self, member: Member) -> None:
        for wish in member.wishes.values():
            wishers = self._wishers.get(wish.participant, set())
            wishers.discard(member.peer)
            if not wishers:
                self._wishers.pop(wish.participant, None)

    # What that changes.

    def _effects(self, member: Member) -> list[Effect]:
        """How large a picture is, before it is shown; and what the client has to know."""
        return [*self._views(member), *self._shows(member), *self._told(member)]

    def _views(self, member: Member) -> Iterator[View]:
        for seat, occupant in member.seating.items():
            mid = member.seats[seat].video
            if occupant is None or mid is None:
                continue
            look = member.looks.get(seat, ANYHOW)
            view = look.height, priority(look, occupant, member.wishes.get(seat), self._dominant)
            if member.viewed.get(mid) != view:
                member.viewed[mid] = view
                yield View(member.peer, mid, *view)

    def _shows(self, member: Member) -> Iterator[Show]:
        for mid, source in self._sources(member).items():
            if member.shown.get(mid) == source:
                continue
            member.paused.discard(mid)  # the core begins anew, and says so if it has to pause again
            if source is None:
                del member.shown[mid]
            else:
                member.shown[mid] = source
            yield Show(member.peer, mid, source)

    def _sources(self, member: Member) -> dict[str, TrackKey | None]:
        """What each m-line of the member's open seats is to show."""
        wanted: dict[str, TrackKey | None] = {}
        for seat, occupant in member.seating.items():
            mids = member.seats[seat]
            for mid, kind in _lines(mids):
                track = None if self._is_silenced(occupant, kind) else self._track_of(occupant, kind)
                key = (track.peer, track.mid) if track else None
                wanted[mid] = None if key and (mid, key) in member.unshowable else key
        return wanted

    def _is_silenced(self, occupant: Occupant | None, kind: Kind) -> bool:
        return bool(occupant and kind == "audio" and occupant.source == "camera" and occupant.peer in self._silenced)

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
                if mid in member.paused:
                    view["paused"] = True
        return view | {"track": ids}

    def _track_of(self, occupant: Occupant | None, kind: Kind) -> Track | None:
        member = self._members.get(occupant.peer) if occupant else None
        for track in member.tracks.values() if member else ():
            if occupant and track.kind == kind and SEAT_SOURCES[track.source] == occupant.source:
                return track
        return None


def _is_blind(member: Member, speakers: Sequence[Occupant]) -> bool:
    """The member does not see one of these, though it has seats."""
    seated = member.seating.values()
    return bool(seated) and any(one not in seated for one in speakers)


def _lines(mids: SeatMids) -> Iterator[tuple[str, Kind]]:
    if mids.audio is not None:
        yield mids.audio, "audio"
    if mids.video is not None:
        yield mids.video, "video"


def _faces(seating: Mapping[int, Occupant | None]) -> set[_Face]:
    return {(occupant.peer, occupant.source) for occupant in seating.values() if occupant}


def _seat_sources(member: Member) -> list[SeatSource]:
    """What the member can be seen with: its camera or microphone, its screen."""
    return list(dict.fromkeys(SEAT_SOURCES[track.source] for track in member.tracks.values()))
