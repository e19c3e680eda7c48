"""A room on virtual time: the rules applied through the memory state, and everything they wanted done."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from signaling.qss import events, rules
from signaling.qss.effects import Conclude, Effect, Ring, Send, Tell
from signaling.qss.frames import CancelInvitation, Event, MediaTypes, Server, wire
from signaling.qss.identifiers import DeviceId, DeviceRef, Instant, PeerId, RequestId, RoomId, UserId
from signaling.qss.membership import Standing
from signaling.qss.offer import Offer
from signaling.qss.room import LOST, MEDIA_SERVER_LOST, Change, Member, Room
from signaling.state.keys import ByRing
from signaling.state.memory import MemoryRooms

ALICE, BOB, CAROL = UserId("a" * 24), UserId("b" * 24), UserId("c" * 24)
ALICES = DeviceRef(ALICE, DeviceId("alice-tab"))
ROOM = RoomId("1" * 64)
RING_TIMEOUT_S = 30.0
LOST_KEEP_S = 15.0
JOIN_WITHIN_S = 60.0

T = TypeVar("T")


def run(step: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that never waits."""
    try:
        step.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the memory state waited")


def event(name: str, **payload: object) -> Event:
    """The event that is this on the wire."""
    return events.event(msgspec.convert(payload, events.EVENTS[name]))


def bobs(name: str) -> DeviceRef:
    """A device of Bob's, named as in a frame: equal to what is known already, and not the same object."""
    return DeviceRef(UserId("".join(BOB)), DeviceId("".join(name)))


def fresh_room(**changes: Any) -> Room:  # noqa: ANN401
    """Alice's room, a moment old."""
    given: dict[str, Any] = {
        "uuid": ROOM,
        "id": "2" * 24,
        "number": "14738571",
        "node": "sfu1",
        "server": Server(https="wss://media.example/sfu1/socket.io", wss="wss://media.example/ws-sfu1"),
        "created_ms": 1614031357210,
        "record": False,
        "participants_limit": 100,
        "bitrate": 1024,
        "members": (Member(ALICE, 1, Standing.MEMBER),),
        "next_serial": 2,
        "keep_until": Instant(JOIN_WITHIN_S),
        **changes,
    }
    return Room(**given)


@dataclass
class World:
    """One room, its clock, and what was done."""

    now: float = 0.0
    online: list[DeviceRef] = field(default_factory=lambda: [bobs("phone"), bobs("laptop")])
    done: list[Effect] = field(default_factory=list)
    ring_keep_s: float = 0.0
    answered: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    unreachable: set[str] = field(default_factory=set)
    left_while_ringing: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    states: MemoryRooms = field(default_factory=MemoryRooms)

    def __post_init__(self) -> None:
        assert run(self.states.add(fresh_room()))

    @property
    def instant(self) -> Instant:
        return Instant(self.now)

    def room(self) -> Room | None:
        """The room as it is now; None once it is over."""
        return run(self.states.get(ROOM))

    def apply(self, rule: Callable[[Room], Change]) -> Change:
        """Apply a rule and note its effects."""
        change = run(self.states.change(ROOM, rule))
        self.done.extend(change.effects)
        return change

    # --- what may happen ---------------------------------------------------------------------------------------------

    def invite(
        self,
        request: str = "r1",
        to: UserId = BOB,
        ring: str = "ring1",
        *,
        granted: bool = True,
        inviter: DeviceRef = ALICES,
    ) -> None:
        """Alice invites somebody; the node grants at once."""
        offer = Offer(
            request_id=RequestId(request),
            inviter=inviter,
            to=to,
            users=(to,),
            mediatypes=MediaTypes(audio=True, video=True),
            context={},
        )
        now, expires_at = self.instant, Instant(self.now + RING_TIMEOUT_S)
        self.apply(lambda r: rules.invite(r, offer, ring_id=RequestId(ring), now=now, expires_at=expires_at))
        if granted:
            devices = tuple(device for device in self.online if device.user == to)
            change = self.apply(lambda r: rules.granted(r, RequestId(ring), devices, self.instant))
            if not devices and not change.refused:
                self.unreachable.add(request)  # which the requests' shell answers with 404

    def answer(self, device: DeviceRef, error: int | None = None, ring: str = "ring1") -> bool:
        """A device answers; whether it counted."""
        keep_until = Instant(self.now + JOIN_WITHIN_S)
        for room in run(self.states.find(ByRing(RequestId(ring)))):
            assert room == ROOM
            change = self.apply(lambda r: rules.answer(r, RequestId(ring), device, error, keep_until, self.instant))
            if error is not None and not change.refused:
                self.answered[ring].add(device.device)
            return not change.refused
        return False

    def cancel(self, request: str = "r1") -> bool:
        """Alice takes it back; whether there was something to take back."""
        return not self.apply(lambda r: rules.cancel(r, ALICES, RequestId(request), self.instant)).refused

    def close(self) -> None:
        """Alice's `close`."""
        self.apply(lambda r: rules.close_calls(r, ALICES, self.instant))

    def disconnect(self, device: DeviceRef) -> None:
        """A device goes offline; if it rings again later, it is rung anew."""
        self.online.remove(device)
        for ring in {e.invitation.ring_id for e in self.done if isinstance(e, Ring) and e.device == device}:
            self.left_while_ringing[ring].add(device.device)
        kept = Instant(self.now + self.ring_keep_s)
        self.apply(lambda r: rules.device_gone(r, device, kept, self.instant))

    def connect(self, device: DeviceRef) -> None:
        """A device comes online, or comes again before its loss was seen."""
        if device not in self.online:
            self.online.append(device)
        rung = len(self.done)
        self.apply(lambda r: rules.device_came(r, device, self.instant))
        for effect in self.done[rung:]:
            if isinstance(effect, Ring):
                self.left_while_ringing[effect.invitation.ring_id].discard(device.device)

    def joined(self, user: UserId, peer: str) -> None:
        """Media connects."""
        self.apply(lambda r: rules.joined(r, user, PeerId(peer), self.instant))

    def left(self, user: UserId, peer: str, reason: str = "left") -> None:
        """Media is gone."""
        keep = LOST_KEEP_S if reason == LOST else 0.0
        keep_until = Instant(self.now + keep)
        self.apply(lambda r: rules.left(r, user, PeerId(peer), reason, keep_until, self.instant))

    def leave(self, device: DeviceRef) -> None:
        """A user's leaveRoom."""
        self.apply(lambda r: rules.leave(r, device, self.instant, self.instant))

    def destroy(self, reason: str = MEDIA_SERVER_LOST) -> None:
        """The node is lost."""
        self.apply(lambda r: rules.destroy(r, reason, self.instant))

    def wait(self, seconds: float) -> None:
        """Time passes; what is due happens when it is due."""
        end = self.now + seconds
        while (room := self.room()) is not None and (due := room.deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.apply(lambda r: rules.on_time(r, self.instant))
        self.now = end

    # --- what was seen -----------------------------------------------------------------------------------------------

    def results(self, request: str = "r1") -> list[dict[str, Any]]:
        """The final results of an invitation."""
        found = [e for e in self.done if isinstance(e, Conclude) and e.request_id == request]
        unreachable: list[dict[str, Any]] = [{"error": 404}] if request in self.unreachable else []
        return [wire(effect.result) for effect in found] + unreachable

    def told_alice(self) -> list[dict[str, Any]]:
        """The frames that Alice's device gets, without events."""
        return [wire(e.result) for e in self.done if isinstance(e, Conclude) and e.told]

    def ringing(self) -> set[str]:
        """Bob's devices that ring, going by the frames they got."""
        ringing: set[str] = set()
        for effect in self.done:
            if isinstance(effect, Ring):
                ringing.add(effect.device.device)
            if isinstance(effect, Send) and isinstance(effect.frame, CancelInvitation):
                ringing.discard(effect.to.device)
        return ringing

    def still_ringing(self, ring: str) -> set[str]:
        """The devices that were rung with this requestID, are online, have not answered, and were not cancelled."""
        ringing: set[str] = set()
        for effect in self.done:
            if isinstance(effect, Ring) and effect.invitation.ring_id == ring:
                ringing.add(effect.device.device)
            if isinstance(effect, Send) and isinstance(effect.frame, CancelInvitation):
                ringing -= {effect.to.device} if effect.frame.request_id == ring else set()
        return ringing - self.answered[ring] - self.left_while_ringing[ring]

    def rang(self, device: DeviceRef) -> int:
        """How often a device was rung."""
        return sum(isinstance(e, Ring) and e.device == device for e in self.done)

    def cancels(self, device: DeviceRef) -> list[dict[str, Any]]:
        """The cancels a device got."""
        return [
            wire(e.frame)
            for e in self.done
            if isinstance(e, Send) and e.to == device and isinstance(e.frame, CancelInvitation)
        ]

    def events(self, name: str) -> list[dict[str, Any]]:
        """The payloads of the events of a name."""
        frames = [e.event for e in self.done if isinstance(e, Tell)]
        frames += [e.frame for e in self.done if isinstance(e, Send) and isinstance(e.frame, Event)]
        return [wire(frame)["payload"]["payload"] for frame in frames if frame.payload.event_name == name]
