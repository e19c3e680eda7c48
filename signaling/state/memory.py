"""Short-lived state in this process: rooms, devices and answers in dictionaries.

Nothing here waits, so every method is one step for the event loop, and with it atomic.  `memory_state.py` puts these
together with the inbox.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence

from ..errors import UnknownRoom
from ..qss.devices import Device
from ..qss.frames import Outgoing, Sent
from ..qss.identifiers import DeviceId, DeviceRef, Instant, RequestId, RoomId, UserId
from ..qss.room import Change, Room
from . import ANSWER_LIFE_S, Dispatch, Rule, nothing
from .deliveries import Delivery, ProcessId
from .keys import ByNumber, Key, keys_of

ANSWERS_PER_DEVICE = 256  # five seconds of a device that sends as fast as it may

Post = Callable[[Sequence[Delivery]], None]


class MemoryRooms:
    """Rooms in a dict, with an index of what they are found by."""

    def __init__(self, post: Post = lambda _deliveries: None) -> None:
        # Given to us.
        self._post = post
        # Ours.
        self._rooms: dict[RoomId, Room] = {}
        self._keys: dict[RoomId, frozenset[Key]] = {}
        self._index: dict[Key, dict[RoomId, None]] = {}

    async def add(self, room: Room) -> bool:
        """Keep a new room; False if its number or id is taken."""
        if room.uuid in self._rooms or ByNumber(room.number) in self._index:
            return False
        self._keep(room)
        return True

    async def get(self, room: RoomId) -> Room | None:
        """The room as it is now."""
        return self._rooms.get(room)

    async def change(self, room: RoomId, rule: Rule, dispatch: Dispatch = nothing) -> Change:
        """Apply a rule and post what comes of it; raises UnknownRoom."""
        before = self._rooms.get(room)
        if before is None:
            raise UnknownRoom(room)
        change = rule(before)
        deliveries = dispatch(change)
        if change.room is None:
            self._drop(room)
        else:
            self._keep(change.room)
        self._post(deliveries)
        return change

    async def find(self, key: Key) -> tuple[RoomId, ...]:
        """The rooms that a key leads to, the oldest first."""
        return tuple(self._index.get(key, ()))

    async def count(self) -> int:
        """How many rooms live."""
        return len(self._rooms)

    def __len__(self) -> int:
        return len(self._index)

    def _keep(self, room: Room) -> None:
        before, keys = self._keys.get(room.uuid, frozenset()), keys_of(room)
        self._rooms[room.uuid], self._keys[room.uuid] = room, keys
        for key in keys - before:
            self._index.setdefault(key, {})[room.uuid] = None
        for key in before - keys:
            self._unlist(key, room.uuid)

    def _drop(self, room: RoomId) -> None:
        del self._rooms[room]
        for key in self._keys.pop(room):
            self._unlist(key, room)

    def _unlist(self, key: Key, room: RoomId) -> None:
        listed = self._index[key]
        del listed[room]
        if not listed:
            del self._index[key]


class MemoryDevices:
    """Devices by user."""

    def __init__(self) -> None:
        self._devices: dict[UserId, dict[DeviceId, Device]] = {}

    def place(self, device: Device) -> Device | None:
        """The device is here; gives the older connection it replaces."""
        own = self._devices.setdefault(device.user, {})
        replaced = own.get(device.ref.device)
        own[device.ref.device] = device
        return replaced

    async def remove(self, device: Device) -> bool:
        """The device is gone; False if a newer connection has taken its place."""
        own = self._devices.get(device.user, {})
        current = own.get(device.ref.device)
        if current is None or current.socket != device.socket:
            return False
        del own[device.ref.device]
        if not own:
            del self._devices[device.user]
        return True

    async def get(self, device: DeviceRef) -> Device | None:
        """The connection of one device."""
        return self._devices.get(device.user, {}).get(device.device)

    async def of(self, user: UserId) -> tuple[Device, ...]:
        """All devices of a user."""
        return tuple(self._devices.get(user, {}).values())

    async def at(self, process: ProcessId) -> tuple[Device, ...]:
        """All devices of a process."""
        return tuple(d for own in self._devices.values() for d in own.values() if d.process == process)

    async def count(self) -> int:
        """How many devices are online."""
        return sum(map(len, self._devices.values()))


class MemoryAnswers:
    """The last answers of each device; a device not heard of for `ANSWER_LIFE_S` is forgotten."""

    def __init__(self, now: Callable[[], Instant]) -> None:
        # Given to us.
        self._now = now
        # Ours.
        self._devices: OrderedDict[DeviceRef, OrderedDict[RequestId, tuple[Sent, Instant]]] = OrderedDict()
        self._begun: set[tuple[DeviceRef, RequestId]] = set()

    def put(self, device: DeviceRef, request: RequestId, frame: Sent) -> None:
        """Remember an answer; the oldest of the device, and of those long silent, go."""
        now = self._now()
        self._begun.discard((device, request))
        own = self._devices.setdefault(device, OrderedDict())
        own[request] = (frame, now)
        own.move_to_end(request)
        self._devices.move_to_end(device)
        while len(own) > ANSWERS_PER_DEVICE or self._too_old(own, now):
            own.popitem(last=False)
        self._forget_silent(now)

    async def begin(self, device: DeviceRef, request: RequestId, lost: Callable[[], Outgoing]) -> Sent | bool:
        """The answer that the request has got; else whether it is new."""
        if (known := self.known(device, request)) is not None:
            return known
        if (device, request) in self._begun:
            return False
        self._begun.add((device, request))
        return True

    async def get(self, device: DeviceRef, request: RequestId) -> Sent | None:
        """The answer given, if it is still remembered."""
        return self.known(device, request)

    def known(self, device: DeviceRef, request: RequestId) -> Sent | None:
        """The same, at once."""
        own = self._devices.get(device)
        known = own.get(request) if own else None
        return known[0] if known is not None and self._now() - known[1] < ANSWER_LIFE_S else None

    def __len__(self) -> int:
        return sum(map(len, self._devices.values()))

    def _forget_silent(self, now: Instant) -> None:
        while self._devices:
            device, own = next(iter(self._devices.items()))
            last = next(reversed(own.values()))
            if now - last[1] < ANSWER_LIFE_S:
                return
            del self._devices[device]

    @staticmethod
    def _too_old(own: OrderedDict[RequestId, tuple[Sent, Instant]], now: Instant) -> bool:
        return now - next(iter(own.values()))[1] >= ANSWER_LIFE_S
