"""Sees to what nobody asked for: what others have left behind, and how this process finds its feet again.

timers -> **caretaker** -> state, keeper, nodes (absences, connections), presence

Every second a process says that it lives, and takes a share of what is due anywhere: rooms whose process is gone,
nodes that did not come back, and processes that have fallen silent.  When the state comes back after it was away, or
has been lost, the process tells it again what is connected here, and what it has answered meanwhile.
"""

from __future__ import annotations

import asyncio

from common.log import FieldLog

from .errors import StateAway
from .inbox import Inbox
from .keeper import Keeper
from .nodes.absences import Absences
from .nodes.connections import Connections
from .open_requests import Key, OpenRequests
from .presence import Presence
from .qss import rules
from .qss.identifiers import RequestId
from .rings import Rings
from .state import State
from .state.deliveries import ProcessId, Result
from .state.keys import ByRequest, ByRing
from .tasks import ended

BEAT_S = 1.0  # a fifth of what a process may be silent for
SPARED_S = 5.0  # after the state was away for us it was for the others too: so long they have to be heard of again

log = FieldLog(__name__)


class Caretaker:
    """One task.  `start`, then `close`."""

    def __init__(
        self,
        *,
        state: State,
        keeper: Keeper,
        connections: Connections,
        absences: Absences,
        presence: Presence,
        open_requests: OpenRequests,
        inbox: Inbox,
        rings: Rings,
    ) -> None:
        # Given to us.
        self._state = state
        self._keeper = keeper
        self._connections = connections
        self._absences = absences
        self._presence = presence
        self._open = open_requests
        self._inbox = inbox
        self._rings = rings
        # Ours.
        self._was_away = False
        self._spares_until = 0.0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to beat."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="caretaker")

    async def close(self) -> None:
        """Stop; the others see to what is left."""
        await ended(self._task)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.beat()
            except StateAway:
                self._was_away = True
            except Exception:
                log.fault("caretaker_failed")

    async def beat(self) -> None:
        """Say that we live, and see to what is due."""
        if self._was_away:
            self._spares_until = self._keeper.now() + SPARED_S
        if not await self._state.beat():
            log.warning("state_lost_us")
            await self._state.join()
            await self._tell_again()
            await self._end_what_was_lost()
        elif self._was_away or self._presence.untold:
            await self._tell_again()
        self._was_away = False
        await self._see_to_what_is_due()

    # --- what others have left ---------------------------------------------------------------------------------------

    async def _see_to_what_is_due(self) -> None:
        due = await self._state.due()
        for process in due.processes if self._keeper.now() >= self._spares_until else ():
            await self._bury(process)
        for node in due.nodes:
            await self._absences.too_long(node)
        for room in due.rooms:
            await self._keeper.on_time(room)

    async def _bury(self, process: ProcessId) -> None:
        """See to all that a process leaves.  Each step may be done twice, should we die over it."""
        log.warning("process_lost", process=process)
        for device in await self._state.devices.at(process):
            if await self._state.devices.remove(device):
                await self._keeper.device_gone(device.ref)
        await self._absences.find(process)
        for result in await self._state.unanswered(process):
            if not await self._is_open((result.device, result.request_id)):
                await self._state.post(result)
        await self._state.bury(process)

    async def _is_open(self, key: Key) -> bool:
        """Whether the rules will still answer it: an invitation or a transfer that a room knows of."""
        return bool(await self._state.rooms.find(ByRequest(*key)))

    # --- after the state was away ------------------------------------------------------------------------------------

    async def _tell_again(self) -> None:
        """What is connected here, and what was answered while the state could not learn it."""
        log.info("told_again", devices=len(self._presence.all()))
        await self._presence.tell_again(await self._state.devices.at(self._state.process))
        await self._absences.find(self._state.process)
        self._connections.register_again()
        for key, answer in self._open.untold():
            await self._state.post(Result(*key, answer, told=False))
            await self._take_back(key)
            self._open.told(key)

    async def _take_back(self, key: Key) -> None:
        """Its device was told that the request came to nothing; so it shall."""
        now = self._keeper.now()
        for room in await self._state.rooms.find(ByRequest(*key)):
            await self._keeper.change(room, lambda r: rules.cancel(r, *key, now))

    async def _end_what_was_lost(self) -> None:
        """Nobody knows any more what our devices wait for, nor what rings at them."""
        for key in self._open.all():
            if not await self._is_open(key):
                await self._state.post(Result(*key, self._open.lost(key)))
        for device, cancel in self._rings.all():
            if not await self._state.rooms.find(ByRing(RequestId(cancel.request_id))):
                await self._inbox.send(device, cancel)
