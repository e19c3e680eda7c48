"""What waits to be sent to one client.

session -> **outbox** -> Socket.IO or WebSocket

Bounded: a client that does not read loses its control connection, not its media, and may resume; a resume tells it
everything anew, so nothing that was dropped is missed.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable

Frame = dict[str, object]


class SlowClientError(ConnectionError):
    """The carrier's own queue is full."""


class Outbox:
    """Sends frames in order, one at a time.  Ends the carrier when told to, or when the client does not keep up."""

    def __init__(
        self, limit: int, *, deliver: Callable[[Frame], Awaitable[None]], end: Callable[[], Awaitable[None]]
    ) -> None:
        self._limit = limit
        self._deliver = deliver
        self._end = end
        self._frames: deque[Frame] = deque()
        self._changed = asyncio.Event()
        self._ending = False
        self._task: asyncio.Task[None] | None = None

    def start(self, begin: Callable[[], None] | None = None) -> None:
        """Begin to send, on the next turn of the loop; `begin` is called just before."""
        self._task = asyncio.get_running_loop().create_task(self._run(begin))

    def send(self, event: str, data: object) -> None:
        """Queue an event (session.Client)."""
        self.put({"event": event, "data": data})

    def put(self, frame: Frame) -> None:
        """Queue a frame; a full queue ends the connection."""
        if self._ending:
            return
        if len(self._frames) >= self._limit:
            self._frames.clear()
            self._ending = True
        else:
            self._frames.append(frame)
        self._changed.set()

    def hang_up(self) -> None:
        """End the connection once what is queued has been sent (session.Client)."""
        self._ending = True
        self._changed.set()

    async def drain(self, timeout_s: float) -> None:
        """Hang up, and wait until that is done, or for so long."""
        self.hang_up()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_s)

    def stop(self) -> None:
        """The carrier is gone: drop everything; again is harmless."""
        self._ending = True
        self._frames.clear()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    async def _run(self, begin: Callable[[], None] | None) -> None:
        if begin is not None:
            begin()
        with contextlib.suppress(ConnectionError):
            await self._send_all()
        await self._end()

    async def _send_all(self) -> None:
        while True:
            while self._frames:
                await self._deliver(self._frames.popleft())
            if self._ending:
                return
            self._changed.clear()
            await self._changed.wait()
