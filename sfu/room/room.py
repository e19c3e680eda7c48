"""One room: its members and their tracks.

control, core events, link -> node -> **room** -> seating -> effects: `Show` and `View` (core), `Tell` (a client)

Every method changes the room and leaves what follows from it in `effects()`, which the node drains after each call.
A member is heard of by the others once its media is connected; its tracks once their first packets have come.  When
these are told is `announcements.py`'s, who is shown to whom `seating.py`'s.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

from sfu.errors import BadRequest, RoomFull
from sfu.media import Kind
from sfu.room.announcements import LARGE_ROOM, Announcements
from sfu.room.effects import Effect, Tell, TrackKey
from sfu.room.figures import Figures, of_participants
from sfu.room.grants import Grants, Rights
from sfu.room.members import Member
from sfu.room.quality import WORST_FIRST, Quality
from sfu.room.seating import Seating
from sfu.room.seats import Wish
from sfu.room.speakers import Speaker
from sfu.room.tracks import KINDS, PeerId, Source, Track, default_source
from sfu.room.views import Look
from sfu.sdp.agreement import SeatMids

NO_LOOKS: Final[Mapping[int, Look]] = {}


@dataclass(frozen=True, slots=True)
class TrackLabel:
    """What a client says of an m-line that it sends on."""

    source: Source | None = None
    muted: bool | None = None


class Room:
    """The rules of one room."""

    def __init__(self, id_: str, *, record: Mapping[str, object], participants_limit: int, bitrate: int) -> None:
        self.id = id_
        self.record = record
        """Signaling's own; handed back when it has forgotten the room."""
        self.participants_limit = participants_limit
        self.bitrate = bitrate
        self.grants = Grants()
        self.members: dict[PeerId, Member] = {}
        self._seating = Seating(self.members)
        self._news = Announcements(self.members)
        self._rated: dict[str, Quality] = {}
        """Participants' quality, as all have been told it."""
        self._figures: Mapping[str, Figures] = {}
        """Of each participant at the last look."""
        self._speakers: list[Speaker] = []
        """As all have been told."""
        self._peers: Counter[str] = Counter()
        """Of each participant."""
        self._effects: list[Effect] = []

    def effects(self) -> Iterator[Effect]:
        """Take what is to be done, in order."""
        effects, self._effects = self._effects, []
        return iter(effects)

    @property
    def has_news(self) -> bool:
        """Something is gathered for all; `announce` is due in a moment."""
        return bool(self._news)

    @property
    def rated(self) -> Mapping[str, Quality]:
        """The participants whose media does not travel well; of the others it does."""
        return self._rated

    @property
    def figures(self) -> Mapping[str, Figures]:
        """How each participant's media travels, as the last look found it."""
        return self._figures

    def announce(self) -> None:
        """Tell all what was gathered for them."""
        self._effects += self._news.take()

    # Members.

    def check_place(self, participant: str) -> None:
        """Refuse a participant for whom the room is too full; another device of one who is in is always let in."""
        if participant not in self._peers and len(self._peers) >= self.participants_limit:
            raise RoomFull(self.participants_limit)

    def enter(self, peer: PeerId, participant: str) -> None:
        """A peer is about to connect; the others do not hear of it yet."""
        self.members[peer] = Member(peer, participant, self.grants.rights(participant))
        self._peers[participant] += 1
        self._seating.enter(peer)

    def connect(self, peer: PeerId) -> None:
        """The peer's media is connected: the others hear of it, and its seats are filled."""
        member = self.members[peer]
        member.connected = True
        member.open = frozenset(member.seats)
        self._news.joined(member)
        if self._is_large and self._rated:
            self._effects.append(Tell(peer, "quality", dict(self._rated)))
        self._changed(member)

    def leave(self, peer: PeerId) -> None:
        """The peer is gone; again is harmless."""
        member = self.members.pop(peer, None)
        if member is None:
            return
        self._peers -= Counter([member.participant])
        if member.connected:
            self._unpublish(member.tracks.values())
            self._news.left(member)
        self._seated(peer, self._seating.leave(member))

    def set_rights(self, participant: str, rights: Rights) -> None:
        """Rights of all the participant's peers from now on."""
        for member in self.members.values() if participant in self._peers else ():
            if member.participant == participant:
                member.rights = rights
                self._changed(member)

    # What a peer negotiates and says.

    def negotiate(self, peer: PeerId, *, seats: Mapping[int, SeatMids], tracks: Sequence[tuple[str, Kind]]) -> None:
        """The peer's m-lines after an offer.  New seats stay empty until `open_seats`."""
        member = self.members[peer]
        kept = {seat for seat, mids in seats.items() if member.seats.get(seat) == mids}
        member.seats = dict(seats)
        member.open &= kept
        self._replace_tracks(member, tracks)
        lines = {mid for mids in seats.values() for mid in (mids.audio, mids.video)}
        member.shown = {mid: source for mid, source in member.shown.items() if mid in lines}
        member.viewed = {mid: view for mid, view in member.viewed.items() if mid in lines}
        member.paused &= lines
        member.told = {seat: told for seat, told in member.told.items() if seat in kept}
        self._changed(member)

    def open_seats(self, peer: PeerId) -> None:
        """The client has applied the last answer."""
        member = self.members.get(peer)
        if member and member.connected and member.open != frozenset(member.seats):
            member.open = frozenset(member.seats)
            self._effects += self._seating.fill(member)

    def label(self, peer: PeerId, labels: Mapping[str, TrackLabel]) -> None:
        """What the peer's tracks are, and which are muted."""
        member = self.members[peer]
        for mid, label in labels.items():
            track = member.tracks.get(mid)
            if track is None:
                raise BadRequest(f"no m-line with mid {mid!r} is sent on")
            if label.source and KINDS[label.source] != track.kind:
                raise BadRequest(f"mid {mid!r} is {track.kind}, so it is no {label.source}")
        changed = [track for mid, label in labels.items() if _relabel(track := member.tracks[mid], label)]
        for track in changed:
            self._news.changed(track)
        if changed:
            self._changed(member)

    def view(self, peer: PeerId, wishes: Mapping[int, Wish], looks: Mapping[int, Look] = NO_LOOKS) -> None:
        """What the peer looks at, and how; replaces what it asked for before."""
        member = self.members[peer]
        for seat in (*wishes, *looks):
            if seat not in member.seats:
                raise BadRequest(f"there is no seat {seat}")
        self._effects += self._seating.wish(member, wishes, looks)

    # What the core says.

    def track_active(self, peer: PeerId, mid: str) -> None:
        """The first packet of a track, or its first of another codec."""
        member = self.members.get(peer)
        track = member.tracks.get(mid) if member else None
        if track is None:
            return
        for other in self.members.values():
            if other.unshowable:
                other.unshowable = {pair for pair in other.unshowable if pair[1] != (peer, mid)}
        if not track.published:
            track.published = True
            self._news.published(track)
        self._changed(self.members[peer])

    def not_showable(self, peer: PeerId, mid: str, source: TrackKey) -> None:
        """The core has silenced an m-line that has no codec in common with its source."""
        member = self.members.get(peer)
        if member and member.shown.get(mid) == source:
            del member.shown[mid]
            member.unshowable.add((mid, source))
            self._effects += self._seating.fill(member)

    def seat_paused(self, peer: PeerId, mid: str, *, paused: bool) -> None:
        """The peer's path carries nothing of what an m-line shows; or does again."""
        member = self.members.get(peer)
        if member and (mid in member.paused) != paused:
            (member.paused.add if paused else member.paused.discard)(mid)
            self._effects += self._seating.fill(member)

    # What is heard.

    def speak(self, speakers: Sequence[Speaker], dominant: PeerId | None, now: float) -> None:
        """Who speaks now has changed; the dominant speaker comes first, if he is not silent for a moment."""
        here = [speaker for speaker in speakers if speaker.peer in self.members]
        seated = self._seating.spoke([speaker.peer for speaker in here], dominant, now)
        if here != self._speakers:
            self._speakers = here
            told = [self.members[speaker.peer].wire() | {"level": speaker.loudness} for speaker in here]
            self._tell_all("speakers", told)
        self._seated(None, seated)

    def on_time(self, now: float) -> None:
        """Speakers get the seats for which they had to wait; to be called now and then while somebody speaks."""
        effects = self._seating.on_time(now)
        if effects:
            self._seated(None, effects)

    def silence(self, peers: Set[PeerId]) -> None:
        """The microphones of these, and of nobody else, are not to be heard."""
        self._effects += self._seating.silence(peers)

    def rate(self, qualities: Mapping[PeerId, Quality]) -> None:
        """Somebody's quality has changed; a participant's is the worst of its peers'."""
        rated: dict[str, Quality] = {}
        for peer, quality in qualities.items():
            if member := self.members.get(peer):
                so_far = rated.get(member.participant, "good")
                rated[member.participant] = min(so_far, quality, key=WORST_FIRST.index)
        self._tell_quality(rated)

    def measure(self, figures: Mapping[PeerId, Figures]) -> None:
        """What a look has found of each peer."""
        self._figures = of_participants(self.members, figures)

    def _tell_quality(self, rated: dict[str, Quality]) -> None:
        """All of it; in a large room what has changed, and who was never named is good."""
        before = self._rated
        self._rated = {name: quality for name, quality in rated.items() if quality != "good"}
        if self._is_large:
            rated = {name: quality for name, quality in rated.items() if quality != before.get(name, "good")}
        if rated:
            self._tell_all("quality", rated)

    # What a peer is told of all at once.

    def others(self, peer: PeerId) -> dict[str, object]:
        """The other participants and their tracks, as in the answer to `join`; news that wait tell the rest."""
        members = [member for member in self.members.values() if member.announced and member.peer != peer]
        tracks = [track.wire() for member in members for track in member.tracks.values() if track.announced]
        return {"participants": [member.wire() for member in members], "tracks": tracks}

    def forget_told(self, peer: PeerId) -> None:
        """Tell the client all its seats again: it has a new control connection."""
        member = self.members[peer]
        member.told = {}
        self._effects += self._seating.fill(member)

    # Inside.

    def _replace_tracks(self, member: Member, lines: Sequence[tuple[str, Kind]]) -> None:
        kept: dict[str, Track] = {}
        for mid, kind in lines:
            kept[mid] = member.tracks.get(mid) or Track(
                member.peer, member.participant, mid, kind, default_source(kind, kept.values())
            )
        self._unpublish(track for mid, track in member.tracks.items() if mid not in kept)
        member.tracks = kept

    def _unpublish(self, tracks: Iterable[Track]) -> None:
        for track in tracks:
            self._news.unpublished(track)

    def _changed(self, member: Member) -> None:
        """Fill the seats of all whom a change of the member concerns."""
        self._seated(member.peer, self._seating.changed(member))

    def _seated(self, changed: PeerId | None, effects: list[Effect]) -> None:
        """News go out now, unless the room is large; those of somebody who has got a seat go before that."""
        others = any(isinstance(effect, Tell) and effect.peer != changed for effect in effects)
        if others or not self._is_large:
            self.announce()
        self._effects += effects

    @property
    def _is_large(self) -> bool:
        return len(self.members) > LARGE_ROOM

    def _tell_all(self, event: str, data: object) -> None:
        self._effects += [Tell(member.peer, event, data) for member in self.members.values() if member.connected]


def _relabel(track: Track, label: TrackLabel) -> bool:
    source = label.source or track.source
    muted = track.muted if label.muted is None else label.muted
    changed = (source, muted) != (track.source, track.muted)
    track.source, track.muted = source, muted
    return changed
