"""The node: its rooms (hosted.py) and sessions, and the way from one to the other.

link (signaling) ─┐
control (clients) ─┼─▶ **node** ─▶ room (rules) ─▶ effects ─▶ core, clients
core events      ─┘

Owns the sessions and closes them; is given the core.  Whatever happens is put to the room's rules, whose effects are
carried out before the call returns.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Protocol, assert_never

from common.log import FieldLog
from sfu._core import Core
from sfu.config import NodeConfig
from sfu.core_events import CoreEvents
from sfu.dtls import NodeCertificate
from sfu.errors import NodeFull, NotFound
from sfu.hosted import Admission, Hosted, HostedRooms
from sfu.placement import Placement
from sfu.room.effects import Show, Tell, View
from sfu.room.grants import Grant
from sfu.room.room import Room, TrackLabel
from sfu.room.seats import Wish
from sfu.room.tracks import PeerId
from sfu.room.views import Look
from sfu.sdp.agreement import SeatMids
from sfu.session import Client, Host, LeftReason, Session, State

log = FieldLog(__name__)


class Reports(Protocol):
    """Who is told which peers came and went: the link to signaling."""

    def joined(self, session: Session) -> None:
        """A peer's media is connected."""

    def left(self, session: Session, reason: LeftReason) -> None:
        """A peer that had joined is gone."""


class Node:
    """All rooms and peers of one process."""

    def __init__(self, config: NodeConfig, core: Core, reports: Reports, certificate: NodeCertificate) -> None:
        # Given to us; closed by whoever gave it.
        self._config = config
        self._core = core
        self._reports = reports
        # Ours; `close` ends them.
        self._events = CoreEvents(core)
        self._host = Host(config=config, core=core, certificate=certificate, addresses=config.addresses(), watcher=self)
        self.placement = Placement(len(core.ports))
        """Which worker carries how much."""
        self._rooms = HostedRooms(self.placement, limit=config.max_rooms)
        self._sessions: dict[PeerId, Session] = {}
        self._handles: dict[int, Session] = {}
        self._gathering: set[str] = set()
        """Rooms whose news are about to be told."""

    # What signaling asks for.

    def open_room(self, room: str, *, record: Mapping[str, object], participants_limit: int, bitrate: int) -> None:
        """Take a room, at home on the worker that has the least to do; a room we have stays as it is."""
        self._rooms.open(room, record=record, participants_limit=participants_limit, bitrate=bitrate)

    def grant(self, room: str, grant: Grant) -> None:
        """Admit a user to a room, or change what an admitted one may do."""
        hosted = self._rooms.need(room)
        hosted.room.grants.put(grant)
        hosted.room.set_rights(grant.user, grant.rights)
        for session in self.sessions_of(room, grant.user):
            self._apply_rights(session)
        self._settle(hosted)

    def revoke(self, room: str, user: str, reason: str) -> None:
        """Forget a user's token and cut off the user's peers."""
        self._rooms.need(room).room.grants.forget(user)
        self._expel(self.sessions_of(room, user), reason, "revoked")

    def close_room(self, room: str, reason: str) -> None:
        """Cut off everybody and forget the room; again is harmless."""
        sessions = self.sessions_of(room)
        if self._rooms.close(room):
            self._expel(sessions, reason, "room closed")
            log.info("room_closed", room=room, reason=reason)

    def rooms(self) -> Iterator[Room]:
        """Every room, for a registration."""
        return (hosted.room for hosted in self._rooms)

    def joined_peers(self, room: str) -> list[Session]:
        """The connected peers of a room."""
        return [session for session in self.sessions_of(room) if session.state is State.CONNECTED]

    @property
    def peers(self) -> int:
        """Peers carried now."""
        return len(self._sessions)

    # What clients ask for.

    def admit(self, room: str, token: str) -> Admission:
        """Whose token this is; nothing is allocated, and every failure looks the same."""
        return self._rooms.admit(room, token)

    def join(self, admission: Admission, offer: str, client: Client | None) -> tuple[Session, dict[str, object]]:
        """A new peer, and the answer to its first offer."""
        hosted = self._rooms.admitted(admission)
        hosted.room.check_place(admission.participant)
        if len(self._sessions) >= self._config.max_peers:
            raise NodeFull(self._config.max_peers)
        worker = self.placement.place(admission.room, hosted.home)
        session = Session(
            self._host, room=admission.room, participant=admission.participant, worker=worker, offer=offer
        )
        self.placement.enter(session.room, session.worker)
        if client is not None:
            session.attach(client)
        self._sessions[session.id] = self._handles[session.handle] = session
        self._events.add(session.handle, session)
        hosted.room.enter(session.id, session.participant)
        others = hosted.room.others(session.id)
        self._negotiated(hosted, session)
        return session, {"sdp": session.answer(), "peer": session.id, "seats": _seats(session), **others}

    def reoffer(self, session: Session, offer: str) -> dict[str, object]:
        """The answer to another offer of a peer."""
        hosted = self._rooms.need(session.room)
        session.reoffer(offer)
        self._negotiated(hosted, session)
        return {"sdp": session.answer(), "seats": _seats(session)}

    def label(self, session: Session, labels: Mapping[str, TrackLabel]) -> None:
        """What a peer's tracks are."""
        hosted = self._rooms.need(session.room)
        hosted.room.label(session.id, labels)
        self._applied(hosted, session)

    def view(self, session: Session, wishes: Mapping[int, Wish], looks: Mapping[int, Look]) -> None:
        """What a peer looks at, and how."""
        hosted = self._rooms.need(session.room)
        hosted.room.view(session.id, wishes, looks)
        self._applied(hosted, session)

    def resume(self, admission: Admission, peer: PeerId, client: Client) -> Session:
        """Put a new control connection under a peer that lost its own, and tell it everything."""
        session = self.find(admission, peer)
        hosted = self._rooms.need(session.room)
        session.attach(client)
        client.send("resumed", {"peer": peer, "seats": _seats(session), **hosted.room.others(peer)})
        hosted.room.forget_told(peer)
        self._settle(hosted)
        session.tell_layers()
        return session

    def find(self, admission: Admission, peer: PeerId) -> Session:
        """A peer of this user in this room."""
        session = self._sessions.get(peer)
        if session is None or (session.room, session.participant) != (admission.room, admission.participant):
            raise NotFound("no such peer")
        return session

    # What becomes of sessions (session.Watcher).

    def session_connected(self, session: Session) -> None:
        """A peer's media is connected."""
        hosted = self._rooms.get(session.room)
        if hosted is None:
            return
        hosted.room.connect(session.id)
        session.was_reported = True
        self._reports.joined(session)
        self._settle(hosted)

    def session_closed(self, session: Session, reason: LeftReason) -> None:
        """A peer is gone."""
        self._sessions.pop(session.id, None)
        self._handles.pop(session.handle, None)
        self.placement.leave(session.room, session.worker)
        self._events.remove(session.handle)
        if session.was_reported:
            self._reports.left(session, reason)
        hosted = self._rooms.get(session.room)
        if hosted is not None:
            hosted.room.leave(session.id)
            self._settle(hosted)

    def seats_applied(self, session: Session) -> None:
        """The peer has had time to apply its last answer."""
        hosted = self._rooms.get(session.room)
        if hosted is not None:
            self._applied(hosted, session)

    def track_active(self, session: Session, mid: str) -> None:
        """The first packet of a track."""
        hosted = self._rooms.get(session.room)
        if hosted is not None:
            hosted.room.track_active(session.id, mid)
            self._settle(hosted)

    def not_showable(self, session: Session, mid: str, source_peer: int, source_mid: str) -> None:
        """A seat and its source have no codec in common."""
        hosted, source = self._rooms.get(session.room), self._handles.get(source_peer)
        if hosted is not None and source is not None:
            hosted.room.not_showable(session.id, mid, (source.id, source_mid))
            self._settle(hosted)

    def seat_paused(self, session: Session, mid: str, *, paused: bool) -> None:
        """A peer's path carries nothing of what a seat shows; or does again."""
        hosted = self._rooms.get(session.room)
        if hosted is not None:
            hosted.room.seat_paused(session.id, mid, paused=paused)
            self._settle(hosted)

    # What is looked at now and then (watch.Watched).

    @property
    def sessions(self) -> Collection[Session]:
        """Every peer."""
        return self._sessions.values()

    def session_of(self, handle: int) -> Session | None:
        """The peer that the core knows by this handle."""
        return self._handles.get(handle)

    def room(self, room: str) -> Room | None:
        """The rules of a room."""
        hosted = self._rooms.get(room)
        return hosted.room if hosted else None

    def settle(self, room: str) -> None:
        """Carry out what a room's rules decided."""
        self._settle(self._rooms.need(room))

    # The end.

    async def close(self) -> None:
        """End every session; again is harmless."""
        for room in list(self.rooms()):
            self.close_room(room.id, "the node stops")
        self._events.close()

    # Inside.

    def sessions_of(self, room: str, user: str | None = None) -> list[Session]:
        """The peers of a room, or of one user in it."""
        hosted = self._rooms.get(room)
        members = hosted.room.members.values() if hosted else ()
        return [self._sessions[member.peer] for member in members if user in (None, member.participant)]

    def _negotiated(self, hosted: Hosted, session: Session) -> None:
        agreement = session.agreement
        tracks = [(track.line.mid, track.kind) for track in agreement.tracks]
        hosted.room.negotiate(session.id, seats=agreement.seats, tracks=tracks)
        self._apply_rights(session)
        self._settle(hosted)

    def _apply_rights(self, session: Session) -> None:
        rights = self._rooms.need(session.room).room.grants.rights(session.participant)
        for track in session.agreement.tracks:
            self._core.set_track_enabled(session.handle, track.line.mid, rights.publish)

    def _applied(self, hosted: Hosted, session: Session) -> None:
        session.applied()
        hosted.room.open_seats(session.id)
        self._settle(hosted)

    def _expel(self, sessions: Iterable[Session], reason: str, left: LeftReason) -> None:
        for session in sessions:
            session.expel(reason)
            session.close(left)

    def _settle(self, hosted: Hosted) -> None:
        """Carry out what the rules decided."""
        for effect in hosted.room.effects():
            session = self._sessions.get(effect.peer)
            if session is None:
                continue
            match effect:
                case Show(_, mid, source):
                    self._show(session, mid, source)
                case View(_, mid, height, priority):
                    self._core.set_view(session.handle, mid, height, priority)
                case Tell(_, event, data):
                    session.tell(event, data)
                case _:
                    assert_never(effect)
        self._announce_soon(hosted)

    def _announce_soon(self, hosted: Hosted) -> None:
        """What a large room gathered is told a moment after it began."""
        if hosted.room.has_news and hosted.room.id not in self._gathering:
            self._gathering.add(hosted.room.id)
            asyncio.get_running_loop().call_later(self._config.gather_s, self._announce, hosted)

    def _announce(self, hosted: Hosted) -> None:
        self._gathering.discard(hosted.room.id)
        hosted.room.announce()
        self._settle(hosted)

    def _show(self, session: Session, mid: str, source: tuple[PeerId, str] | None) -> None:
        publisher = self._sessions.get(source[0]) if source else None
        if source and publisher:
            self._core.show(session.handle, mid, (publisher.handle, source[1]))
        else:
            self._core.show(session.handle, mid, None)


def _seats(session: Session) -> list[dict[str, object]]:
    return [{"seat": seat, "mids": _mids(mids)} for seat, mids in session.agreement.seats.items()]


def _mids(mids: SeatMids) -> dict[str, str | None]:
    return {"audio": mids.audio, "video": mids.video}
