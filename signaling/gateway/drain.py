"""How a process stops without anybody noticing more than a reconnection.

app -> **drain** -> door, devices, requests, inbox

Nobody new is let in, frames in flight are answered, what that decided is delivered, and only then are the devices told
to connect again, where another process serves them.  What is open outlives us in a state that processes share; where we
are the only one, invitations end with a result, for nobody would know of them any more.
"""

from __future__ import annotations

import asyncio

from common.log import FieldLog

from ..inbox import Inbox
from ..presence import Presence
from ..requests import Requests
from .devices import DeviceConnections
from .door import Door

log = FieldLog(__name__)


class Drain:
    """The order of a stop.  `run` it once, before the parts are closed."""

    def __init__(
        self,
        *,
        door: Door,
        devices: DeviceConnections,
        presence: Presence,
        requests: Requests,
        inbox: Inbox,
        alone: bool,
    ) -> None:
        # Given to us.
        self._door = door
        self._devices = devices
        self._presence = presence
        self._requests = requests
        self._inbox = inbox
        self._alone = alone

    async def run(self, within_s: float) -> None:
        """See everything under way to its end, or give up after `within_s`."""
        self._door.shut()
        try:
            async with asyncio.timeout(within_s):
                await self._finish()
        except TimeoutError:
            log.warning("drain_gave_up", devices=len(self._devices))

    async def _finish(self) -> None:
        await self._devices.finish()
        await self._requests.hasten()
        if self._alone:
            for device in self._presence.all():
                await self._requests.end_calls(device)
        await self._inbox.close()
        await self._devices.see_off()
