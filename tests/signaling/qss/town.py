"""Several users, devices and rooms on virtual time, played against the rules alone: cheap enough for a million steps.

The town does what the shells do around the rules (it carries out effects, keeps what nodes and devices would know from
them, lets timers fire) and nothing more.  Who has asked what and was answered how is in the real memory state.
`invariants.py` says what must hold of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from signaling.errors import SignalingError
from signaling.nodes.adoption import adopted, record_of
from signaling.nodes.contract import HeldGrant, HeldPeer, HeldRights, HeldRoom
from signaling.qss import rules
from signaling.qss.effects import (
    CloseRoom,
    Conclude,
    Effect,
    Grant,
    Record,
    Redirect,
    Revoke,
    Rights,
    Ring,
    Send,
    Transferred,
)
from signaling.qss.frames import Answer, CancelInvitation, Done, InvitationResult, MediaTypes, Outgoing, Server
from signaling.qss.history import CallRecord
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, RoomId, UserId
from signaling.qss.invitations import Kind, State
from signaling.qss.membership import Passage, Standing, after
from signaling.qss.offer import Offer
from signaling.qss.room import LOST, Change, Held, Member, Room
from signaling.state import ANSWER_LIFE_S
from signaling.state.deliveries import Result
from signaling.state.memory_state import MemoryState
from signaling.tokens import RoomTokens
from tests.signaling.qss.virtual import run

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
NODES = ("sfu1", "sfu2", "sfu3")
SERVERS = {n: Server(https=f"wss://media.example/{n}/socket.io", wss=f"wss://media.example/ws-{n}") for n in NODES}
NODE, SERVER = NODES[0], SERVERS[NODES[0]]
RING_TIMEOUT_S, LOST_KEEP_S, JOIN_WITHIN_S = 30.0, 15.0, 60.0
LIMIT = 3
TOKENS = RoomTokens(b"the secret of the town")

Request = tuple[DeviceRef, RequestId]
Carried = tuple[str, RoomId]  # a room at a node


def unanswered() -> Outgoing:
    """What another process would say of a request if this one died over it: here there is none."""
    raise AssertionError("nobody buries the only process")


@dataclass
class Granting:
    """A grant that was sent to the node and not acknowledged yet: as the ACL was when it was decided."""

    room: RoomId
    node: str
    ring_id: RequestId
    members: tuple[Member, ...]
    users: tuple[UserId, ...]
    taken: bool = False


@dataclass(frozen=True)
class Move:
    """A node has opened a room, as it was, and admitted its ACL; the room itself does not know of it yet."""

    before: Room
    node: str


class Town:
    """Everything that is known anywhere, and what may happen in it."""

    def __init__(self, ring_keep_s: float = 0.0) -> None:
        self.now = 1000.0
        self.ring_keep_s = ring_keep_s
        self.rooms: dict[RoomId, Room] = {}
        self.online: set[DeviceRef] = set(DEVICES[:6])
        self.blocked: set[UserId] = set()
        # What the node knows from its commands.
        self.grants: dict[Carried, dict[UserId, tuple[int, Rights]]] = {}
        self.moves: list[Move] = []
        self.granting: list[Granting] = []
        # What devices know from their frames.
        self.rings: dict[RequestId, set[DeviceRef]] = defaultdict(set)
        self.results: dict[Request, list[Outgoing]] = defaultdict(list)
        self.told_at: dict[Request, float] = {}
        self.sent_to: dict[tuple[UserId, RoomId], Server] = {}
        self.served: list[tuple[Request, Callable[[], None]]] = []
        self.state = MemoryState(lambda: self.instant)
        # What was asked for, and what history knows.
        self.asked: dict[Request, RequestId] = {}
        self.winners: dict[RequestId, set[DeviceRef]] = defaultdict(set)
        self.records: dict[str, list[CallRecord]] = defaultdict(list)
        self.recorded_kinds: set[RequestId] = set()
        self.blocked_when: dict[RequestId, frozenset[UserId]] = {}
        self.touched: set[RoomId] = set(ROOMS)
        """Rooms of which something has changed, here or at the node, since it was last seen to be right."""
        self.steps = 0
        self._names = 0
        for room in ROOMS:
            self._open(room, DEVICES[0].user, NODE)

    @property
    def instant(self) -> Instant:
        return Instant(self.now)

    # --- the shell around the rules ----------------------------------------------------------------------------------

    def apply(
        self, room: RoomId, rule: Callable[[Room], Change], admits: frozenset[UserId] = frozenset()
    ) -> Change | None:
        """Apply a rule to a room as one step and carry out its effects; None if the room is over or the rule raises.

        Nobody but `admits` comes to attend the room by it.
        """
        before = self.rooms.get(room)
        if before is None:
            return None
        self.touched.add(room)
        try:
            change = rule(before)
        except SignalingError:
            return None
        self._lock_holds(before, change.room)
        assert change.room is None or set(change.room.present) <= admits.union(before.present), "admitted by nobody"
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
                assert device.user not in self.blocked_when[invitation.ring_id], "rung though he receives no calls"
                self.rings[invitation.ring_id].add(device)
            case Send(to, CancelInvitation() as frame):
                self.rings[RequestId(frame.request_id)].discard(to)
            case Conclude(inviter, request_id, result):
                self._conclude((inviter, request_id), result)
            case Grant(node, room, user, serial, rights):
                self._at_node(node, room)[user] = (serial, rights)
            case Revoke(node, room, user):
                self._at_node(node, room).pop(user, None)
            case CloseRoom(node, room):
                self.grants.pop((node, room), None)
            case Redirect(room, user):
                self.sent_to[user, room.uuid] = room.server
            case Record(CallRecord() as call):
                self.records[call.id].append(call)
            case Transferred(room):
                self.apply(room, lambda r: rules.transferred(r, effect, self.instant))
            case _:
                pass

    def _conclude(self, request: Request, result: Outgoing) -> None:
        self.results[request].append(result)
        self.told_at[request] = self.now
        run(self.state.post(Result(*request, result)))

    def _at_node(self, node: str, room: RoomId) -> dict[UserId, tuple[int, Rights]]:
        assert node in NODES, "a lobby has no node to be told anything"
        self.touched.add(room)
        return self.grants.get((node, room), {})

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
            self.grants[node, room] = {user: (1, Rights())}

    def open_lobby(self, lobby: RoomId, user: UserId) -> None:
        """A place without media, in which a user waits."""
        self._open(lobby, user, "")

    def name(self) -> RequestId:
        """A name that was not used before."""
        self._names += 1
        return RequestId(f"n{self._names}")

    # --- requests ----------------------------------------------------------------------------------------------------

    def serve(self, request: Request, act: Callable[[], None]) -> None:
        """A request comes from a device: it is done once, and answered the same however often it comes."""
        if run(self.state.answers.begin(*request, unanswered)) is not True:
            return
        self.served.append((request, act))
        act()
        if request not in self.asked:
            self._conclude(request, Answer(answer="done", request_id=request[1], payload=Done()))

    def serve_again(self, request: Request, act: Callable[[], None]) -> None:
        """A device repeats a request: nothing changes, and its answer is the one that it has got, if it has."""
        before = self._snapshot()
        told = run(self.state.answers.get(*request))
        if told is None and self.results[request]:
            assert self.now - self.told_at[request] >= ANSWER_LIFE_S, "an answer is remembered"
            return  # it would be a new request
        assert run(self.state.answers.begin(*request, unanswered)) == (told or False)
        self.serve(request, act)
        assert told is None or told == self.results[request][0], "a repeated request is answered the same"
        assert self._snapshot() == before, "a repeated request changes nothing"

    def _snapshot(self) -> object:
        return (
            dict(self.rooms),
            {carried: dict(granted) for carried, granted in self.grants.items()},
            {ring: set(devices) for ring, devices in self.rings.items()},
            sum(map(len, self.results.values())),
            len(self.granting),
        )

    # --- invitations -------------------------------------------------------------------------------------------------

    def offer(self, device: DeviceRef, name: RequestId, to: str, kind: Kind, room: Room | None) -> Offer | None:
        """What the shell makes of a request; None if nobody can be rung."""
        users = [user for user in CALLED[to] if to != GROUP or user != device.user]
        present = [user for user in users if room is not None and after(room.standing(user), Passage.INVITE) is None]
        online = {d.user for d in self.online}
        rings = [user for user in users if user not in present and user in online and user not in self.blocked]
        if not rings and not present:
            return None
        return Offer(
            kind=kind,
            request_id=name,
            inviter=device,
            to=to,
            users=(*rings, *present),
            mediatypes=MediaTypes(),
            context={},
        )

    def ask(self, room: RoomId, offer: Offer) -> RequestId | None:
        """Open an invitation; its ring id, or None if it was refused."""
        ring_id, until = self.name(), Instant(self.now + RING_TIMEOUT_S)
        self.blocked_when[ring_id] = frozenset(self.blocked)
        change = self.apply(room, lambda r: rules.invite(r, offer, ring_id=ring_id, now=self.instant, expires_at=until))
        if change is None or change.room is None:
            return None
        self.asked[offer.inviter, offer.request_id] = ring_id
        if offer.kind is not Kind.INVITE_REQUEST:
            self.recorded_kinds.add(ring_id)
        invitation = change.room.invitations[-1]
        members = tuple(change.room.member(user) for user in invitation.invitees)
        node = change.room.node
        self.granting.append(Granting(room, node, ring_id, members if node else (), offer.users))
        return ring_id

    def grant_taken(self, granting: Granting) -> None:
        """The command reaches the node, whatever has happened to the invitation meanwhile."""
        self.touched.add(granting.room)
        if not granting.taken and (carried := self.grants.get((granting.node, granting.room))) is not None:
            for member in granting.members:
                carried[member.user] = (member.serial, member.rights)
        granting.taken = True

    def granted(self, granting: Granting) -> None:
        """The node's acknowledgement comes: what can be rung rings; nobody to ring is 404."""
        if granting.node and not granting.taken and (granting.node, granting.room) not in self.grants:
            self.not_granted(granting)  # the node does not have the room, and says so
            return
        self.grant_taken(granting)
        self.granting.remove(granting)
        devices = self._devices_of(granting.users)
        ring_id, given = granting.ring_id, granting.members
        change = self.apply(granting.room, lambda r: rules.granted(r, ring_id, devices, self.instant, given))
        if change is None or change.refused:
            return
        if change.room is None or change.room.invitation(lambda i: i.ring_id == ring_id) is None:
            self._answered(ring_id, 404)
            return
        self.apply(granting.room, lambda r: rules.online(r, ring_id, self._devices_of(granting.users), self.instant))

    def not_granted(self, granting: Granting) -> None:
        """The node's acknowledgement does not come in time."""
        self.granting.remove(granting)
        self.touched.add(granting.room)
        ring_id, given = granting.ring_id, granting.members
        change = self.apply(granting.room, lambda r: rules.failed(r, ring_id, self.instant, given))
        if change is not None and not change.refused:
            self._answered(ring_id, 503)

    def _devices_of(self, users: tuple[UserId, ...]) -> tuple[DeviceRef, ...]:
        return tuple(device for device in DEVICES if device in self.online and device.user in users)

    def _answered(self, ring_id: RequestId, code: int) -> None:
        request = next(request for request, ring in self.asked.items() if ring == ring_id)
        self._conclude(request, InvitationResult(request_id=request[1], from_=request[0].user, error=code))

    def answer(self, device: DeviceRef, ring_id: RequestId, error: int | None) -> bool:
        """A device answers what rang; whether it counted."""
        until = Instant(self.now + JOIN_WITHIN_S)
        for room in list(self.rooms.values()):
            listed = any(i.ring_id == ring_id for i in room.invitations)
            if not listed and not any(m.answered and m.answered[0] == ring_id for m in room.members):
                continue
            admits = frozenset[UserId]() if error else frozenset({device.user})
            change = self.apply(
                room.uuid, lambda r: rules.answer(r, ring_id, device, error, until, self.instant), admits
            )
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
        change = self.apply(lobby, lambda r: rules.grant_request(r, ring_id, device, self.instant))
        if change is None or change.refused:
            return False
        self.winners[ring_id].add(device)
        return True

    # --- devices, media and time -------------------------------------------------------------------------------------

    def connect(self, device: DeviceRef) -> None:
        """A device comes online, or comes again before its loss was seen."""
        self.online.add(device)
        for room in list(self.rooms.values()):
            self.apply(room.uuid, lambda r: rules.device_came(r, device, self.instant))

    def disconnect(self, device: DeviceRef) -> None:
        """A device goes offline, and forgets what rang."""
        self.online.discard(device)
        for ringing in self.rings.values():
            ringing.discard(device)
        until = Instant(self.now + self.ring_keep_s)
        for room in list(self.rooms.values()):
            self.apply(room.uuid, lambda r: rules.device_gone(r, device, until, self.instant))

    def media_joined(self, user: UserId, room: RoomId, peer: str) -> None:
        """A user whom the node admits connects his media, where the room is."""
        known = self.rooms.get(room)
        if known is not None and user in self.grants.get((known.node, room), {}):
            self.apply(room, lambda r: rules.joined(r, user, PeerId(peer), self.instant))

    def media_left(self, user: UserId, room: RoomId, peer: str, reason: str) -> None:
        """A user's media ends."""
        until = Instant(self.now + (LOST_KEEP_S if reason == LOST else 0))
        self.apply(room, lambda r: rules.left(r, user, PeerId(peer), reason, until, self.instant))

    def node_back(self, room: RoomId, lost: UserId | None) -> None:
        """The node comes back after a loss of the link, having forgotten what it was told of one user."""
        known = self.rooms.get(room)
        carried = self.grants.get((known.node, room)) if known else None
        if known is None or carried is None or any(g.room == room for g in self.granting):
            return
        if lost is not None:
            carried.pop(lost, None)
            self.touched.add(room)
        held = Held(
            SERVERS[known.node],
            frozenset((user, *grant) for user, grant in carried.items()),
            frozenset(peer for peer in known.peers if peer.user != lost),
        )
        until = Instant(self.now + LOST_KEEP_S)
        self.apply(room, lambda r: rules.reconciled(r, held, until, self.instant))

    def node_lost(self, room: RoomId) -> None:
        """The node of a room is gone for good, and whatever media went through it."""
        known = self.rooms.get(room)
        if known is not None:
            self.grants.pop((known.node, room), None)

    def move_begins(self, room: RoomId, which: int) -> None:
        """A node, perhaps the one that has lost it, takes a room whose node is lost."""
        known = self.rooms.get(room)
        if known is None or known.is_lobby or (known.node, room) in self.grants:
            return
        move = Move(known, NODES[which % len(NODES)])
        self.moves.append(move)
        carried = self.grants.setdefault((move.node, room), {})
        carried.update({member.user: (member.serial, member.rights) for member in known.members})

    def move_ends(self, move: Move) -> None:
        """The room goes there and everybody is told; or it has gone elsewhere, or is over, and the node lets go."""
        self.moves.remove(move)
        room, server = move.before.uuid, SERVERS[move.node]
        until = Instant(self.now + JOIN_WITHIN_S)
        self.sent_to.clear()
        change = self.apply(room, lambda r: rules.moved(r, move.before, move.node, server, until))
        if change is None or (change.refused and change.room is not None and change.room.node != move.node):
            self._given_up(move)
        elif not change.refused:
            self._all_sent_on(room)

    def _given_up(self, move: Move) -> None:
        self.touched.add(move.before.uuid)
        self.grants.pop((move.node, move.before.uuid), None)

    def _all_sent_on(self, uuid: RoomId) -> None:
        room = self.rooms[uuid]
        ringing = {user for i in room.invitations if i.state is State.RINGING for user in i.invitees}
        for user in {*room.present, *ringing}:
            assert self.sent_to.get((user, uuid)) == room.server, "whoever is there is told where the room is"

    def restart(self) -> None:
        """Signaling dies and starts again: whatever was open is lost, devices come again, the node tells of its rooms.

        What a node was told in the wrong order is put right by the answer to it, so that this waits for that.
        """
        if any(g.taken and not _stands(self.rooms.get(g.room), m) for g in self.granting for m in g.members):
            return
        for request in [request for request in self.asked if not self.results[request]]:
            del self.asked[request]
        self.granting.clear()
        self.rings.clear()
        self.served.clear()
        self.state = MemoryState(lambda: self.instant)
        known, self.rooms = self.rooms, {}
        self.moves.clear()
        carried, self.grants = self.grants, {}
        for room in known.values():
            if (granted := carried.get((room.node, room.uuid))) is not None:
                self.grants[room.node, room.uuid] = granted
                self._taken_up(room)

    def _taken_up(self, before: Room) -> None:
        """The node tells of a room: with whom it admits, and whose media is connected."""
        given = self.grants[before.node, before.uuid]
        digests = {user: TOKENS.digest(before.uuid, user, serial) for user, (serial, _) in given.items()}
        held = HeldRoom(
            room=before.uuid,
            record=msgspec.to_builtins(record_of(before)),
            grants=tuple(
                HeldGrant(user=u, serial=s, digest=digests[u], rights=HeldRights(publish=r.publish, receive=r.receive))
                for u, (s, r) in given.items()
            ),
            peers=tuple(HeldPeer(peer=peer.peer, user=peer.user) for peer in before.peers),
        )
        keep_until = Instant(self.now + LOST_KEEP_S)
        room = adopted(held, node=before.node, server=SERVERS[before.node], tokens=TOKENS, keep_until=keep_until)
        assert room is not None, "a room of ours is taken up"
        assert room.peers == before.peers, "and whoever talks goes on talking"
        self.rooms[room.uuid] = room
        self.touched.add(room.uuid)

    def wait(self, seconds: float) -> None:
        """Time passes; what is due happens when it is due, and then is not due any more."""
        end = self.now + seconds
        while (due := min(self._deadlines(), default=(end + 1, ROOMS[0])))[0] <= end:
            self.now = max(self.now, due[0])
            self.apply(due[1], lambda r: rules.on_time(r, self.instant))
            left = self.rooms.get(due[1])
            deadline = left.deadline() if left else None
            assert deadline is None or deadline > self.now, "what was due is not due any more"
        self.now = end

    def _deadlines(self) -> list[tuple[float, RoomId]]:
        found = [(room.deadline(), room.uuid) for room in self.rooms.values()]
        return [(deadline, uuid) for deadline, uuid in found if deadline is not None]


def _stands(room: Room | None, member: Member) -> bool:
    return room is not None and member in room.members
