"""Requests that wait for their answer, and the answers given: why a repeated request does nothing twice.

A request is known by its device and its requestID.  While it is open, a repetition waits for the same answer; later it
gets the same answer again.  Who has begun what and was answered how is in the state, for the repetition may come to
another process; here are only those who wait: the acknowledgements of the frames of this process's devices.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from .errors import StateAway, TooFast
from .qss.frames import Outgoing, Sent
from .qss.identifiers import DeviceRef, RequestId
from .state import State
from .state.deliveries import Result

Key = tuple[DeviceRef, RequestId]
UNTOLD = 10_000  # answers given while the state is away; the oldest are forgotten, and may then come twice


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that waits for `answer`; `first` tells that nobody has begun it before."""

    answer: asyncio.Future[Sent]
    first: bool


class OpenRequests:
    """The open requests of this process's devices."""

    def __init__(self, state: State, limit: int) -> None:
        # Given to us.
        self._state = state
        self._limit = limit
        # Ours.
        self._open: dict[DeviceRef, dict[RequestId, asyncio.Future[Sent]]] = {}
        self._lost: dict[Key, Callable[[], Outgoing]] = {}
        self._untold: OrderedDict[Key, Outgoing] = OrderedDict()
        """Answers that were given while the state was away, and that it still has to learn."""

    async def begin(self, key: Key, lost: Callable[[], Outgoing]) -> Begun:
        """Begin a request, or find it begun or answered; raises TooFast when the device has too many open.

        `lost` makes its answer for the case that this process dies over it.
        """
        device, request = key
        if waiting := self._open.get(device, {}).get(request):
            return Begun(waiting, first=False)
        if len(self._open.get(device, ())) >= self._limit:
            raise TooFast("too many open requests")
        future: asyncio.Future[Sent] = asyncio.get_running_loop().create_future()
        self._open.setdefault(device, {})[request] = future
        self._lost[key] = lost
        try:
            known = await self._state.answers.begin(device, request, lost)
        except BaseException:
            self._pop(key)
            raise
        if isinstance(known, bool):
            return Begun(future, first=known)
        self._settle(key, known)
        return Begun(future, first=False)

    async def conclude(self, key: Key, answer: Outgoing) -> bool:
        """Answer a request, unless it has its answer; False where the state is away and the frame is still to be sent.

        The device is told at once all the same, and whatever the state makes of the request later is not sent any more.
        """
        try:
            await self._state.post(Result(*key, answer))
        except StateAway:
            self._untold[key] = answer
            if len(self._untold) > UNTOLD:
                self._untold.popitem(last=False)
            self.resolve(key, answer)
            return False
        return True

    def untold(self) -> tuple[tuple[Key, Outgoing], ...]:
        """What the state has still to learn."""
        return tuple(self._untold.items())

    def told(self, key: Key) -> None:
        """The state knows it now."""
        self._untold.pop(key, None)

    def answered_here(self, key: Key) -> bool:
        """Whether the device has had its answer while the state was away."""
        return key in self._untold

    def lost(self, key: Key) -> Outgoing:
        """What an open request is answered when the state has lost it."""
        return self._lost[key]()

    def resolve(self, key: Key, answer: Sent) -> None:
        """The answer has come to this process: whoever waits for it gets it."""
        if key[1] in self._open.get(key[0], ()):
            self._settle(key, answer)

    def forget(self, device: DeviceRef) -> None:
        """The device is not connected here any more: nobody waits for its acknowledgements."""
        for request in list(self._open.get(device, ())):
            self._settle((device, request), {})

    def close(self) -> None:
        """Nobody will be answered any more."""
        for own in self._open.values():
            for future in own.values():
                future.cancel()
        self._open.clear()
        self._lost.clear()

    def all(self) -> tuple[Key, ...]:
        """What is open."""
        return tuple((device, request) for device, own in self._open.items() for request in own)

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    def _settle(self, key: Key, answer: Sent) -> None:
        future = self._pop(key)
        if not future.done():
            future.set_result(answer)

    def _pop(self, key: Key) -> asyncio.Future[Sent]:
        own = self._open[key[0]]
        future = own.pop(key[1])
        self._lost.pop(key, None)
        if not own:
            del self._open[key[0]]
        return future
