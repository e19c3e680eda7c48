"""The default backend: all short-lived state of the one signaling process there is, and its inbox.

Nothing waits but `take`, the journal's `take` and `room_for_more`; so what is decided and what is posted for it are one
step.  With one process nobody else can die or take over: nothing is ever due here, and every beat is heard.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from common.log import FieldLog

from ..qss.devices import Device
from ..qss.history import Entry
from ..qss.identifiers import DeviceRef, Instant
from . import ANSWER_LIFE_S, RESULTS_PER_DEVICE, Due
from .clock import SteadyClock
from .deliveries import Delivery, ProcessId, Replaced, Result, ToHistory, ToNode
from .memory import MemoryAnswers, MemoryDevices, MemoryRooms
from .memory_nodes import MemoryDirectory

INBOX = 20_000  # deliveries that may wait before those who want to decide more have to wait as well
JOURNAL = 10_000  # entries that wait for the database; beyond, the oldest are dropped
ABSENT_DEVICES = 10_000  # offline devices whose results are kept; those longest away are forgotten first

log = FieldLog(__name__)


class OnlineDevices(MemoryDevices):
    """The devices, and the results that wait for those who are offline."""

    def __init__(self, now: Callable[[], Instant], post: Callable[[Sequence[Delivery]], None]) -> None:
        super().__init__()
        # Given to us.
        self._now = now
        self._post = post
        # Ours.
        self._waiting: OrderedDict[DeviceRef, deque[tuple[Result, Instant]]] = OrderedDict()

    async def put(self, device: Device) -> None:
        """The device is here."""
        replaced = self.place(device)
        if replaced is not None and replaced.socket != device.socket:
            self._post((Replaced(device.ref, replaced.socket, ProcessId(replaced.process)),))
        fresh = self._now() - ANSWER_LIFE_S
        self._post([result for result, since in self._waiting.pop(device.ref, ()) if since > fresh])

    def hold(self, result: Result) -> None:
        """Keep a result for a device that is offline."""
        own = self._waiting.setdefault(result.device, deque(maxlen=RESULTS_PER_DEVICE))
        own.append((result, self._now()))
        self._waiting.move_to_end(result.device)
        while len(self._waiting) > ABSENT_DEVICES:
            self._waiting.popitem(last=False)


class MemoryJournal:
    """Entries for the call history, in the order in which they came."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self._news = asyncio.Event()
        self._count = 0

    def put(self, entry: Entry) -> None:
        """One more entry; the oldest goes where there are too many."""
        self._count += 1
        self._entries[str(self._count)] = entry
        self._news.set()
        if len(self._entries) > JOURNAL:
            self._entries.popitem(last=False)
            log.warning("history_entry_dropped", waiting=JOURNAL)

    async def take(self) -> dict[str, Entry]:
        """Wait for entries."""
        while not self._entries:
            self._news.clear()
            await self._news.wait()
        return dict(self._entries)

    async def left(self) -> dict[str, Entry]:
        """The entries that are there."""
        return dict(self._entries)

    async def done(self, written: Sequence[str]) -> None:
        """These are written."""
        for name in written:
            self._entries.pop(name, None)

    def __len__(self) -> int:
        return len(self._entries)


class MemoryState:
    """All short-lived state of one process."""

    def __init__(self, now: Callable[[], Instant] | None = None) -> None:
        self.process = ProcessId(secrets.token_hex(8))
        self.now = now or SteadyClock().now
        self.rooms = MemoryRooms(self._put)
        self.devices = OnlineDevices(self.now, self._put)
        self.answers = MemoryAnswers(self.now)
        self.nodes = MemoryDirectory(self.process)
        self.journal = MemoryJournal()
        self._inbox: deque[Delivery] = deque()
        self._news = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()
        self._finishing = False

    async def start(self) -> None:
        """Nobody to join."""

    async def post(self, *deliveries: Delivery) -> None:
        """Put deliveries into the inbox."""
        self._put(deliveries)

    async def take(self) -> tuple[Delivery, ...]:
        """Wait for deliveries."""
        while not self._inbox and not self._finishing:
            self._news.clear()
            await self._news.wait()
        taken = tuple(self._inbox)
        self._inbox.clear()
        self._space.set()
        return taken

    async def hold(self, result: Result) -> None:
        """Keep a result for a device that is offline."""
        self.devices.hold(result)

    async def room_for_more(self) -> None:
        """Wait while too much waits to be carried out."""
        await self._space.wait()

    async def join(self) -> None:
        """Nobody else could have given us up."""

    async def beat(self) -> bool:
        """Nobody else could have given us up."""
        return True

    async def due(self) -> Due:
        """Nobody else could have left anything."""
        return Due()

    async def unanswered(self, process: ProcessId) -> tuple[Result, ...]:
        """Nobody else could have."""
        return ()

    async def bury(self, process: ProcessId) -> None:
        """Nobody else could be."""

    async def finish(self) -> None:
        """Nothing comes after what has been posted."""
        self._finishing = True
        self._news.set()

    async def close(self) -> None:
        """Nothing to let go of."""

    def _put(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            self._put_one(delivery)
        if deliveries:
            self._news.set()
        if len(self._inbox) >= INBOX:
            self._space.clear()

    def _put_one(self, delivery: Delivery) -> None:
        match delivery:
            case ToHistory():
                self.journal.put(delivery.entry)
                return
            case Result(device, request_id, frame):
                if self.answers.known(device, request_id) is not None:
                    return
                self.answers.put(device, request_id, frame)
            case ToNode(node, closes=room) if room is not None:
                self.nodes.closing(room, node)
            case _:
                pass
        self._inbox.append(delivery)
