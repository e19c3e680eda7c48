"""Several users, devices and rooms on virtual time, played against the rules alone: cheap enough for a million steps.

The town does what the shells do around the rules (it carries out effects, keeps what nodes and devices would know from
them, lets timers fire) and nothing more.  After every step `check` holds what must always hold; `wind_down` ends
everything and holds that nothing is left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from signaling.errors import SignalingError
from signaling.qss import rooms
from signaling.qss.effects import CloseRoom, Conclude, Effect, Grant, Record, Revoke, Rights, Ring, Send, Transferred
from signaling.qss.frames import CancelInvitation, MediaTypes, Server
from signaling.qss.history import CallRecord
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, RoomId, UserId
from signaling.qss.invitations import Kind
from signaling.qss.rooms import Change, Held, Member, Offer, Room, Standing

ALICE, BOB, CAROL, DAVE = (UserId(letter * 24) for letter in "abcd")
USERS = (ALICE, BOB, CAROL, DAVE)
GROUP = "f" * 24
CALLED: dict[str, tuple[UserId, ...]] = {**{user: (user,) for user in USERS}, GROUP: USERS}
DEVICES = (
    *(DeviceRef(ALICE, DeviceId(name)) for name in ("a1", "a2")),
    *(DeviceRef(BOB, DeviceId(name)) for name in ("b1", "b2", "b3")),
    *(DeviceRef(CAROL, DeviceId(name)) for name in ("c1", "c2")),
    DeviceRef(DAVE, DeviceId("d1")),
)
ROOMS = (RoomId("1" * 64), RoomId("2" * 64))
SERVER = Server(https="wss://media.example/sfu1/socket.io", wss="wss://media.example/ws-sfu1")
NODE = "sfu1"
RING_TIMEOUT_S, LOST_KEEP_S, JOIN_WITHIN_S = 30.0, 15.0, 60.0
LIMIT = 3

Request = tuple[DeviceRef, RequestId]


@dataclass
class Granting:
    """A grant that was sent to the node and not acknowledged yet: as the ACL was when it was decided."""

    room: RoomId
    ring_id: RequestId
    members: tuple[Member, ...]
    users: tuple[UserId, ...]
    taken: bool = False


class Town:
    """Everything that is known anywhere, and what may happen in it."""

    def __init__(self, ring_keep_s: float = 0.0) -> None:
        self.now = 1000.0
        self.ring_keep_s = ring_keep_s
        self.rooms: dict[RoomId, Room] = {}
        self.online: set[DeviceRef] = set(DEVICES[:6])
        self.blocked: set[UserId] = set()
        # What the node knows from its commands.
        self.grants: dict[RoomId, dict[UserId, tuple[int, Rights]]] = {}
        self.granting: list[Granting] = []
        # What devices know from their frames.
        self.rings: dict[RequestId, set[DeviceRef]] = defaultdict(set)
        self.results: dict[Request, list[object]] = defaultdict(list)
        # What was asked for, and what history knows.
        self.asked: dict[Request, RequestId] = {}
        self.winners: dict[RequestId, set[DeviceRef]] = defaultdict(set)
        self.records: dict[str, list[CallRecord]] = defaultdict(list)
        self.recorded_kinds: set[RequestId] = set()
        self.steps = 0
        self._names = 0
        for room in ROOMS:
            self._open(room, DEVICES[0].user, NODE)

    @property
    def instant(self) -> Instant:
        return Instant(self.now)

    # --- the shell around the rules ----------------------------------------------------------------------------------

    def apply(self, room: RoomId, rule: Callable[[Room], Change]) -> Change | None:
        """Apply a rule to a room as one step and carry out its effects; None if the room is over or the rule raises."""
        before = self.rooms.get(room)
        if before is None:
            return None
        try:
            change = rule(before)
        except SignalingError:
            return None
        self._lock_holds(before, change.room)
        granted = any(isinstance(effect, Grant) for effect in change.effects)
        assert change.room is not None or not granted, "nobody is admitted to a room that is over"
        if change.room is None:
            del self.rooms[room]
        else:
            self.rooms[room] = change.room
        for effect in change.effects:
            self._carry_out(effect)
        return change

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Ring(_, invitation, device):
                assert device in self.online or self.ring_keep_s, "an offline device is rung"
                self.rings[invitation.ring_id].add(device)
            case Send(to, CancelInvitation() as frame):
                self.rings[RequestId(frame.request_id)].discard(to)
            case Conclude(inviter, request_id, result):
                self.results[inviter, request_id].append(result)
            case Grant(node, room, user, serial, rights):
                self._at_node(node, room)[user] = (serial, rights)
            case Revoke(node, room, user):
                self._at_node(node, room).pop(user, None)
            case CloseRoom(node, room):
                assert node == NODE
                self.grants.pop(room, None)
            case Record(CallRecord() as call):
                self.records[call.id].append(call)
            case Transferred(room):
                self.apply(room, lambda r: rooms.transferred(r, effect, self.instant))
            case _:
                pass

    def _at_node(self, node: str, room: RoomId) -> dict[UserId, tuple[int, Rights]]:
        assert node == NODE, "a lobby has no node to be told anything"
        return self.grants.get(room, {})

    @staticmethod
    def _lock_holds(before: Room, after: Room | None) -> None:
        if before.locked and after is not None and after.locked:
            assert set(after.participants) <= set(before.participants), "a locked room admits nobody"

    def _open(self, room: RoomId, user: UserId, node: str) -> None:
        self.rooms[room] = Room(
            uuid=room,
            id=room[:24],
            number=f"{len(self.rooms):08d}",
            node=node,
            server=SERVER,
            created_ms=int(self.now * 1000),
            record=False,
            participants_limit=LIMIT if node else 100,
            bitrate=1024,
            members=(Member(user, 1, Standing.MEMBER),),
            next_serial=2,
            keep_until=Instant(self.now + (JOIN_WITHIN_S if node else 0)),
        )
        if node:
            self.grants[room] = {user: (1, Rights())}

    def open_lobby(self, lobby: RoomId, user: UserId) -> None:
        """A place without media, in which a user waits."""
        self._open(lobby, user, "")

    def name(self) -> RequestId:
        """A name that was not used before."""
        self._names += 1
        return RequestId(f"n{self._names}")

    # --- invitations -------------------------------------------------------------------------------------------------

    def offer(self, device: DeviceRef, to: str, kind: Kind, room: Room | None) -> Offer | None:
        """What the shell makes of a request; None if nobody can be rung."""
        users = [user for user in CALLED[to] if to != GROUP or user != device.user]
        present = [user for user in users if room is not None and room.has(user)]
        online = {d.user for d in self.online}
        rings = [user for user in users if user not in present and user in online and user not in self.blocked]
        if not rings and not present:
            return None
        return Offer(
            kind=kind,
            request_id=self.name(),
            inviter=device,
            to=to,
            users=(*rings, *present),
            mediatypes=MediaTypes(),
            context={},
        )

    def ask(self, room: RoomId, offer: Offer) -> RequestId | None:
        """Open an invitation; its ring id, or None if it was refused."""
        ring_id, until = self.name(), Instant(self.now + RING_TIMEOUT_S)
        change = self.apply(room, lambda r: rooms.invite(r, offer, ring_id=ring_id, now=self.instant, expires_at=until))
        if change is None or change.room is None:
            return None
        self.asked[offer.inviter, offer.request_id] = ring_id
        if offer.kind is not Kind.INVITE_REQUEST:
            self.recorded_kinds.add(ring_id)
        invitation = change.room.invitations[-1]
        members = tuple(change.room.member(user) for user in invitation.invitees)
        self.granting.append(Granting(room, ring_id, members if change.room.node else (), offer.users))
        return ring_id

    def grant_taken(self, granting: Granting) -> None:
        """The command reaches the node, whatever has happened to the invitation meanwhile."""
        if not granting.taken and granting.room in self.grants:
            for member in granting.members:
                self.grants[granting.room][member.user] = (member.serial, member.rights)
        granting.taken = True

    def granted(self, granting: Granting) -> None:
        """The node's acknowledgement comes: what can be rung rings; nobody to ring is 404."""
        self.grant_taken(granting)
        self.granting.remove(granting)
        devices = self._devices_of(granting.users)
        ring_id, given = granting.ring_id, granting.members
        change = self.apply(granting.room, lambda r: rooms.granted(r, ring_id, devices, self.instant, given))
        if change is None or change.refused:
            return
        if change.room is None or change.room.invitation(lambda i: i.ring_id == ring_id) is None:
            self._answered(ring_id, 404)
            return
        self.apply(granting.room, lambda r: rooms.online(r, ring_id, self._devices_of(granting.users), self.instant))

    def not_granted(self, granting: Granting) -> None:
        """The node's acknowledgement does not come in time."""
        self.granting.remove(granting)
        ring_id, given = granting.ring_id, granting.members
        change = self.apply(granting.room, lambda r: rooms.failed(r, ring_id, self.instant, given))
        if change is not None and not change.refused:
            self._answered(ring_id, 503)

    def _devices_of(self, users: tuple[UserId, ...]) -> tuple[DeviceRef, ...]:
        return tuple(device for device in DEVICES if device in self.online and device.user in users)

    def _answered(self, ring_id: RequestId, code: int) -> None:
        request = next(request for request, ring in self.asked.items() if ring == ring_id)
        self.results[request].append(code)

    def answer(self, device: DeviceRef, ring_id: RequestId, error: int | None) -> bool:
        """A device answers what rang; whether it counted."""
        until = Instant(self.now + JOIN_WITHIN_S)
        for room in list(self.rooms.values()):
            listed = any(i.ring_id == ring_id for i in room.invitations)
            if not listed and not any(m.answered and m.answered[0] == ring_id for m in room.members):
                continue
            change = self.apply(room.uuid, lambda r: rooms.answer(r, ring_id, device, error, until, self.instant))
            if change is not None and not change.refused:
                self.winners[ring_id] |= set() if error else {device}
                if error:
                    self.rings[ring_id].discard(device)
                return True
        if error is None:
            self.rings[ring_id].discard(device)  # told 487
        return False

    def grant_request(self, lobby: RoomId, ring_id: RequestId, device: DeviceRef) -> bool:
        """A device grants a request to be invited; whether it was the first."""
        change = self.apply(lobby, lambda r: rooms.grant_request(r, ring_id, device, self.instant))
        if change is None or change.refused:
            return False
        self.winners[ring_id].add(device)
        return True

    # --- devices, media and time -------------------------------------------------------------------------------------

    def connect(self, device: DeviceRef) -> None:
        """A device comes online, or comes again before its loss was seen."""
        self.online.add(device)
        for room in list(self.rooms.values()):
            self.apply(room.uuid, lambda r: rooms.device_came(r, device, self.instant))

    def disconnect(self, device: DeviceRef) -> None:
        """A device goes offline, and forgets what rang."""
        self.online.discard(device)
        for ringing in self.rings.values():
            ringing.discard(device)
        until = Instant(self.now + self.ring_keep_s)
        for room in list(self.rooms.values()):
            self.apply(room.uuid, lambda r: rooms.device_gone(r, device, until, self.instant))

    def media_joined(self, user: UserId, room: RoomId, peer: str) -> None:
        """A user whom the node admits connects his media."""
        if user in self.grants.get(room, {}):
            self.apply(room, lambda r: rooms.joined(r, user, PeerId(peer), self.instant))

    def media_left(self, user: UserId, room: RoomId, peer: str, reason: str) -> None:
        """A user's media ends."""
        until = Instant(self.now + (LOST_KEEP_S if reason == rooms.LOST else 0))
        self.apply(room, lambda r: rooms.left(r, user, PeerId(peer), reason, until, self.instant))

    def node_back(self, room: RoomId, lost: UserId | None) -> None:
        """The node comes back after a loss of the link, having forgotten what it was told of one user."""
        known = self.rooms.get(room)
        if known is None or known.is_lobby or any(g.room == room for g in self.granting):
            return
        if lost is not None:
            self.grants[room].pop(lost, None)
        held = Held(
            SERVER,
            frozenset((user, *grant) for user, grant in self.grants[room].items()),
            frozenset(peer for peer in known.peers if peer.user != lost),
        )
        until = Instant(self.now + LOST_KEEP_S)
        self.apply(room, lambda r: rooms.reconciled(r, held, until, self.instant))

    def wait(self, seconds: float) -> None:
        """Time passes; what is due happens when it is due, and then is not due any more."""
        end = self.now + seconds
        while (due := min(self._deadlines(), default=(end + 1, ROOMS[0])))[0] <= end:
            self.now = max(self.now, due[0])
            self.apply(due[1], lambda r: rooms.on_time(r, self.instant))
            after = self.rooms.get(due[1])
            deadline = after.deadline() if after else None
            assert deadline is None or deadline > self.now, "what was due is not due any more"
        self.now = end

    def _deadlines(self) -> list[tuple[float, RoomId]]:
        found = [(room.deadline(), room.uuid) for room in self.rooms.values()]
        return [(deadline, uuid) for deadline, uuid in found if deadline is not None]

    # --- what must always hold ---------------------------------------------------------------------------------------

    def check(self) -> None:
        """What holds after every step."""
        open_now: set[Request] = set()
        for room in self.rooms.values():
            self._check_room(room)
            open_now |= {(i.inviter, i.request_id) for i in room.invitations}
            open_now |= {(t.by, t.request_id) for t in room.transfers}
        for request, ring_id in self.asked.items():
            self._check_request(request, ring_id, is_open=request in open_now)
        assert set(self.grants) <= set(self.rooms), "a room that is over is closed at its node"

    def _check_room(self, room: Room) -> None:
        acl = set(room.participants)
        assert len(acl) == len(room.members) <= room.participants_limit, "participants are the ACL, each once"
        assert {peer.user for peer in room.peers} <= acl, "media of nobody who is not in the ACL"
        assert all(invitation.is_open for invitation in room.invitations)
        invited = [user for invitation in room.invitations for user in invitation.invitees]
        assert len(invited) == len(set(invited)), "a user is invited to a room once"
        assert set(invited) == {m.user for m in room.members if m.standing is Standing.INVITED} or room.is_lobby
        if room.is_lobby:
            assert room.invitations, "a lobby lasts as long as what waits in it"
            return
        unsure = {m.user for granting in self.granting if granting.room == room.uuid for m in granting.members}
        given = {user: grant for user, grant in self.grants[room.uuid].items() if user not in unsure}
        expected = {m.user: (m.serial, m.rights) for m in room.members if m.user not in unsure}
        assert given == expected, "live tokens are those of the ACL, with the rights of each"
        assert room.peers or room.deadline() is not None, "an empty room has a deadline"
        assert all(transfer.user in acl for transfer in room.transfers)

    def _check_request(self, request: Request, ring_id: RequestId, *, is_open: bool) -> None:
        results = self.results[request]
        assert len(results) == (0 if is_open else 1), "one final result, when it is over"
        if not is_open:
            assert self.rings[ring_id] <= self.winners[ring_id], "after the end nobody rings but the winner"
        assert len(self.winners[ring_id]) <= 1, "at most one device wins"
        recorded = len(self.records[ring_id])
        assert recorded == (0 if is_open or ring_id not in self.recorded_kinds else 1), "history has each call once"

    def wind_down(self) -> None:
        """Everybody goes, time passes, and nothing is left."""
        for granting in list(self.granting):
            self.granted(granting)
        for room in list(self.rooms.values()):
            for peer in sorted(room.peers):
                self.media_left(peer.user, room.uuid, peer.peer, rooms.LOST)
        self.wait(200)
        self.check()
        assert not self.rooms, "no timer and no room is left behind"
        assert not self.grants
