"""What all in a room are told of who came and went, and of their tracks.

room -> **announcements** -> effects (`Tell`) -> clients

A small room hears of everything at once.  In a large one news is gathered for a moment, so that a burst of joins is one
message to each who is there, and not one for each pair.  What came and went meanwhile is never told; nor is anybody
told of himself.
"""

from collections.abc import Iterator, Mapping

from sfu.room.effects import Tell
from sfu.room.members import Member
from sfu.room.tracks import PeerId, Track

LARGE_ROOM = 32
"""Peers; in a room of more news is gathered.  Fewer than 1,000 messages tell all of them of all."""


Entry = tuple[PeerId, object]
"""Whom it is about, and what is told."""


class Announcements:
    """The news of one room since they were taken last."""

    def __init__(self, members: Mapping[PeerId, Member]) -> None:
        self._members = members
        self._joined: dict[PeerId, Member] = {}
        self._left: dict[PeerId, Member] = {}
        self._published: dict[str, Track] = {}
        self._unpublished: dict[str, Track] = {}
        self._changed: dict[str, Track] = {}

    def __bool__(self) -> bool:
        return any((self._joined, self._left, self._published, self._unpublished, self._changed))

    def joined(self, member: Member) -> None:
        """The member's media is connected."""
        self._joined[member.peer] = member

    def left(self, member: Member) -> None:
        """The member is gone; its tracks have been unpublished."""
        if self._joined.pop(member.peer, None) is None:
            self._left[member.peer] = member

    def published(self, track: Track) -> None:
        """The track's first packet has come."""
        self._published[track.id] = track

    def unpublished(self, track: Track) -> None:
        """There will be no more of the track."""
        self._changed.pop(track.id, None)
        if self._published.pop(track.id, None) is None and track.announced:
            self._unpublished[track.id] = track

    def changed(self, track: Track) -> None:
        """The track has another label; one that is not announced yet will be with it."""
        if track.announced:
            self._changed[track.id] = track

    def take(self) -> list[Tell]:
        """The news, for each who is there."""
        participants, tracks = list(self._participants()), list(self._tracks())
        tells = [*participants, *tracks] if self._joined else [*tracks, *participants]
        for news in (self._joined, self._published):
            for one in news.values():
                one.announced = True
        for done in (self._joined, self._left, self._published, self._unpublished, self._changed):
            done.clear()
        return tells

    def _participants(self) -> Iterator[Tell]:
        news = {"joined": self._joined, "left": self._left}
        return self._tell("participants", {name: _wire(members) for name, members in news.items()})

    def _tracks(self) -> Iterator[Tell]:
        gone: list[Entry] = [(track.peer, track.id) for track in self._unpublished.values()]
        wire = {"published": _wire(self._published), "unpublished": gone, "changed": _wire(self._changed)}
        return self._tell("tracks", wire)

    def _tell(self, event: str, wire: Mapping[str, list[Entry]]) -> Iterator[Tell]:
        """One event for all, and another for those whom it is about.

        Also for those whose media is not connected yet: what happens after the answer to `join` is not in that.
        """
        about = {peer for entries in wire.values() for peer, _ in entries}
        everything = _without(None, wire)
        for peer in self._members if about else ():
            data = _without(peer, wire) if peer in about else everything
            if any(data.values()):
                yield Tell(peer, event, data)


def _wire(news: Mapping[str, Member] | Mapping[str, Track]) -> list[Entry]:
    return [(one.peer, one.wire()) for one in news.values()]


def _without(about: PeerId | None, wire: Mapping[str, list[Entry]]) -> dict[str, list[object]]:
    return {name: [entry for peer, entry in entries if peer != about] for name, entries in wire.items()}
