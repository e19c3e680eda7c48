"""Carries out the deliveries of this process, one after the other, in the order in which they were decided.

requests, keeper -> state -> **inbox** -> devices and nodes that are connected here

One task drains one inbox.  So a device never gets a ring after the cancel of the same invitation, and a node never a
revoke after the grant that followed it.  Sending does not wait for the peer, hence nobody can hold the inbox up.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, assert_never

from common.log import FieldLog

from .errors import StateAway
from .gateway.endings import Ending
from .keeper import Keeper
from .open_requests import OpenRequests
from .presence import Presence
from .qss.frames import Sent
from .qss.identifiers import DeviceRef, UserId
from .rings import Rings
from .state import State
from .state.deliveries import (
    Ask,
    Delivery,
    Replaced,
    Reply,
    Result,
    SignOut,
    ToDevice,
    ToHistory,
    ToNode,
    ToRoom,
    ToUsers,
)

AGAIN_S = 0.2  # between attempts to read the inbox while the state is away

log = FieldLog(__name__)


class DeviceConnections(Protocol):
    """The connections of devices to this process."""

    async def send(self, socket: str, frame: Sent) -> None:
        """Send a frame without waiting for the device; one that does not read is disconnected."""

    def disconnect(self, socket: str, ending: Ending) -> None:
        """End a connection without waiting for it."""


class NodeConnections(Protocol):
    """The connections of nodes to this process."""

    async def carry_out(self, command: ToNode) -> None:
        """Tell the node."""

    async def ask(self, ask: Ask) -> None:
        """Tell the node, and let its acknowledgement become the reply."""

    def replied(self, reply: Reply) -> None:
        """A node has answered what we asked."""


class Inbox:
    """The one that drains.  `start`, then `close`, which carries out what has been posted and ends."""

    def __init__(
        self,
        *,
        state: State,
        keeper: Keeper,
        presence: Presence,
        devices: DeviceConnections,
        nodes: NodeConnections,
        open_requests: OpenRequests,
        rings: Rings,
    ) -> None:
        # Given to us.
        self._state = state
        self._keeper = keeper
        self._presence = presence
        self._devices = devices
        self._nodes = nodes
        self._open = open_requests
        self._rings = rings
        # Ours.
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to carry out."""
        self._task = asyncio.get_running_loop().create_task(self._drain(), name="inbox")

    async def close(self) -> None:
        """Carry out what has been posted, then end."""
        if self._task is not None:
            await self._state.finish()
            await self._task
            self._task = None

    async def send(self, device: DeviceRef, frame: Sent) -> None:
        """Send a frame to a device, after all that was decided before; at once if the state is away."""
        try:
            await self._state.post(ToDevice(device, frame))
        except StateAway:
            await self._to_device(device, frame)

    async def _drain(self) -> None:
        while True:
            try:
                taken = await self._state.take()
            except StateAway:
                await asyncio.sleep(AGAIN_S)
                continue
            if not taken:
                return
            for delivery in taken:
                await self._try(delivery)

    async def _try(self, delivery: Delivery) -> None:
        try:
            await self._carry_out(delivery)
        except Exception:
            log.fault("delivery_failed", delivery=type(delivery).__name__)

    async def _carry_out(self, delivery: Delivery) -> None:
        match delivery:
            case ToDevice(device, frame):
                await self._to_device(device, frame)
            case ToUsers(users, frame, skip):
                await self._to_users(users, frame, skip)
            case Result():
                await self._result(delivery)
            case ToNode():
                await self._nodes.carry_out(delivery)
            case Ask():
                await self._nodes.ask(delivery)
            case Reply():
                self._nodes.replied(delivery)
            case ToRoom(end):
                await self._keeper.transferred(end)
            case SignOut(user, session, reason):
                self._sign_out(user, session, reason)
            case Replaced(_, socket):
                self._devices.disconnect(socket, Ending.REPLACED)
            case ToHistory():
                log.warning("history_entry_misled")
            case _:
                assert_never(delivery)

    async def _to_device(self, ref: DeviceRef, frame: Sent) -> None:
        if (device := self._presence.get(ref)) is not None:
            self._rings.sent(ref, frame)
            await self._devices.send(device.socket, frame)

    async def _to_users(self, users: tuple[UserId, ...], frame: Sent, skip: DeviceRef | None) -> None:
        for user in users:
            for device in self._presence.of(user):
                if device.ref != skip:
                    await self._devices.send(device.socket, frame)

    async def _result(self, result: Result) -> None:
        key = (result.device, result.request_id)
        self._open.resolve(key, result.frame)
        if not result.told or self._open.answered_here(key):
            return
        if (device := self._presence.get(result.device)) is not None:
            await self._devices.send(device.socket, result.frame)
        else:
            await self._state.hold(result)

    def _sign_out(self, user: UserId, session: str | None, reason: str) -> None:
        for device in self._presence.of(user):
            if session in (None, device.session):
                log.info("device_signed_out", user=user, device=device.card.id, reason=reason)
                self._devices.disconnect(device.socket, Ending.SESSION_OVER)
