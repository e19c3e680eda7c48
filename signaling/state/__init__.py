"""Short-lived state: who is online, which rooms live, what was answered.  One interface, one backend per file.

Rules never see this; the shells do.  Every method is a coroutine, though memory never waits, because the Redis backend
of several signaling processes does.  `Rooms.change` is the one that matters: it applies a rule to a room as one step,
together with the deliveries that come of it, so that accepting is atomic and nothing that was decided is forgotten.

Each process has an inbox, which it alone empties (`take`), in order.  Whoever decides something puts the deliveries
into the inboxes of the processes that hold the connections concerned.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..nodes.book import Node
from ..nodes.contract import Load, Register
from ..qss.devices import Device
from ..qss.frames import Outgoing, Sent
from ..qss.history import Entry
from ..qss.identifiers import DeviceRef, Instant, RequestId, RoomId, UserId
from ..qss.room import Change, Room
from .deliveries import Delivery, ProcessId, Result
from .keys import Key

Rule = Callable[[Room], Change]
Dispatch = Callable[[Change], tuple[Delivery, ...]]

ANSWER_LIFE_S = 120.0  # longer than a lost connection takes to come back and ask again
REMEMBERED_CLOSINGS = 10_000  # rooms whose end their node has not confirmed; the oldest are forgotten first
RESULTS_PER_DEVICE = 64  # results that wait for a device that is offline; the oldest go first


def nothing(_change: Change) -> tuple[Delivery, ...]:
    """No deliveries: for rules that are applied for their own sake."""
    return ()


class Rooms(Protocol):
    """The live rooms, found by id or by what they are about (`keys.py`)."""

    async def add(self, room: Room) -> bool:
        """Keep a new room; False if its number or id is taken."""

    async def get(self, room: RoomId) -> Room | None:
        """The room as it is now."""

    async def change(self, room: RoomId, rule: Rule, dispatch: Dispatch = nothing) -> Change:
        """Apply a rule and post its deliveries as one step; raises UnknownRoom.  What the rule raises changes nothing.

        The rule may be applied more than once, to what others have made of the room meanwhile.
        """

    async def find(self, key: Key) -> tuple[RoomId, ...]:
        """The rooms that a key leads to, the oldest first."""

    async def count(self) -> int:
        """How many rooms live."""


class Devices(Protocol):
    """The devices that are online, at any process."""

    async def put(self, device: Device) -> None:
        """The device is here.  An older connection of it is told (`Replaced`); results that wait for it are posted."""

    async def remove(self, device: Device) -> bool:
        """The device is gone; False if a newer connection has taken its place."""

    async def get(self, device: DeviceRef) -> Device | None:
        """The connection of one device."""

    async def of(self, user: UserId) -> tuple[Device, ...]:
        """All devices of a user."""

    async def at(self, process: ProcessId) -> tuple[Device, ...]:
        """All devices of a process."""

    async def count(self) -> int:
        """How many devices are online."""


class Answers(Protocol):
    """Requests begun and answers given, for requests that are repeated.  Bounded per device and in time."""

    async def begin(self, device: DeviceRef, request: RequestId, lost: Callable[[], Outgoing]) -> Sent | bool:
        """The answer that the request has got; else whether it is new: False while another process serves it.

        `lost` makes the answer that it gets should this process die over it.
        """

    async def get(self, device: DeviceRef, request: RequestId) -> Sent | None:
        """The answer given, if it is still remembered."""


class Directory(Protocol):
    """The nodes by name, and what they still have to be told."""

    async def register(self, card: Register, socket: str) -> bool:
        """The node is here, at this process; False if another instance of this name is connected."""

    async def away(self, name: str, socket: str, until: Instant) -> bool:
        """The node's connection is gone; it is waited for `until`.  False if it has a newer connection."""

    async def forget(self, name: str) -> bool:
        """The node does not come back; False if it is here."""

    async def get(self, name: str) -> Node | None:
        """The node called `name`, here or away."""

    async def all(self) -> tuple[Node, ...]:
        """Every node, here or away."""

    async def reported(self, name: str, load: Load) -> None:
        """A node's load report."""

    async def placed(self, name: str, room: RoomId) -> None:
        """A room has been given to a node, which is being told."""

    async def opened(self, room: RoomId) -> None:
        """The node has been told of the room, with whatever outcome."""

    async def opening(self) -> frozenset[RoomId]:
        """Rooms that their nodes are being told of: one that registers meanwhile lacks them rightly."""

    async def closed(self, room: RoomId) -> None:
        """Its node has closed a room."""

    async def is_closing(self, room: RoomId) -> bool:
        """Whether a room is over, whatever its node says."""


class Journal(Protocol):
    """Entries on their way into the call history.  Bounded: the oldest are dropped."""

    async def take(self) -> dict[str, Entry]:
        """Wait for entries that nobody else is writing; each under a name for `done`."""

    async def left(self) -> dict[str, Entry]:
        """The entries that `take` would give at once; none rather than waiting."""

    async def done(self, written: Sequence[str]) -> None:
        """These are written."""


@dataclass(frozen=True, slots=True)
class Due:
    """What only the passing of time has brought about, and what this process has to see to."""

    rooms: tuple[RoomId, ...] = ()
    nodes: tuple[str, ...] = ()
    processes: tuple[ProcessId, ...] = field(default=())


class State(Protocol):
    """All of it, under one owner."""

    @property
    def process(self) -> ProcessId:
        """This process."""

    @property
    def rooms(self) -> Rooms:
        """The live rooms."""

    @property
    def devices(self) -> Devices:
        """The devices that are online."""

    @property
    def answers(self) -> Answers:
        """Answers given."""

    @property
    def nodes(self) -> Directory:
        """The nodes."""

    @property
    def journal(self) -> Journal:
        """What the call history is to be told."""

    def now(self) -> Instant:
        """The time, the same at every process."""

    async def start(self) -> None:
        """Join; raises StartError when the backend cannot be reached."""

    async def post(self, *deliveries: Delivery) -> None:
        """Put deliveries into the inboxes they belong to; one for somebody who is not connected is dropped.

        A result is remembered as the answer of its request; it is dropped where the request has one.
        """

    async def take(self) -> tuple[Delivery, ...]:
        """Wait for deliveries to this process; none after `finish`.  Those taken before count as carried out."""

    async def hold(self, result: Result) -> None:
        """The device of a result is not at this process: send it after the device, or let it wait for it."""

    async def room_for_more(self) -> None:
        """Wait while this process's inbox is too full."""

    async def join(self) -> None:
        """Begin anew after the others have given this process up, or the state was lost."""

    async def beat(self) -> bool:
        """Say that this process lives; False if the others have given it up, or the state was lost."""

    async def due(self) -> Due:
        """What is due and nobody else sees to, for a while."""

    async def unanswered(self, process: ProcessId) -> tuple[Result, ...]:
        """The requests that a process has begun and not answered, each with the answer for the case that it is lost."""

    async def bury(self, process: ProcessId) -> None:
        """A process is gone, its devices and nodes are seen to: pass on the results it has left, and forget it."""

    async def finish(self) -> None:
        """Let `take` give what has been posted, and then nothing."""

    async def close(self) -> None:
        """Leave, and let go of the backend."""
