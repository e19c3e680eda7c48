"""Carries out what the rules decided, one change after the other, in the order in which they happened.

keeper -> **outbox** -> gateway (devices) and nodes

One task drains one queue.  So a device never gets a ring after the cancel of the same invitation, and a node never a
revoke after the grant that followed it.  Sending to a device does not wait for the device, hence nobody can hold the
queue up; when it is full nevertheless, whoever wants to put more waits, which slows down requests and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol, assert_never

from common.log import FieldLog

from .ice import IceServers
from .qss import replies
from .qss.effects import CloseRoom, Conclude, Effect, Grant, Record, Revoke, Ring, Send, Tell, Transferred
from .qss.frames import Outgoing
from .qss.identifiers import DeviceRef
from .state import Devices
from .tokens import RoomTokens

CAPACITY = 10_000  # changes waiting to be carried out

log = FieldLog(__name__)


class DeviceSender(Protocol):
    """Brings a frame to a device that is online."""

    async def send(self, socket: str, frame: Outgoing) -> None:
        """Send a frame to the connection of a device."""


class NodeSender(Protocol):
    """Brings a command to a node without waiting for it."""

    async def carry_out(self, effect: Grant | Revoke | CloseRoom) -> None:
        """Tell the node; one that is away is told when it is back."""


class Outbox:
    """The one queue of effects.  `start`, then `put`; `close` carries out what is queued and ends."""

    def __init__(
        self,
        *,
        devices: Devices,
        device_sender: DeviceSender,
        node_sender: NodeSender,
        on_conclude: Callable[[Conclude], Awaitable[None]],
        tokens: RoomTokens,
        ice: IceServers,
    ) -> None:
        # Given to us.
        self._devices = devices
        self._device_sender = device_sender
        self._node_sender = node_sender
        self._on_conclude = on_conclude
        self._tokens = tokens
        self._ice = ice
        # Ours.
        self._queue: asyncio.Queue[tuple[Effect, ...] | asyncio.Future[None] | None] = asyncio.Queue(CAPACITY)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to carry out."""
        self._task = asyncio.get_running_loop().create_task(self._drain(), name="outbox")

    async def close(self) -> None:
        """Carry out what is queued, then end."""
        if self._task is not None:
            await self._queue.put(None)
            await self._task
            self._task = None

    async def put(self, effects: tuple[Effect, ...]) -> None:
        """Queue the effects of one change."""
        if effects:
            await self._queue.put(effects)

    async def flushed(self) -> None:
        """Wait until everything queued so far has been carried out."""
        mark = asyncio.get_running_loop().create_future()
        await self._queue.put(mark)
        await mark

    async def _drain(self) -> None:
        while (item := await self._queue.get()) is not None:
            if isinstance(item, asyncio.Future):
                if not item.done():
                    item.set_result(None)
                continue
            for effect in item:
                await self._try(effect)

    async def _try(self, effect: Effect) -> None:
        try:
            await self._carry_out(effect)
        except Exception:
            log.fault("effect_failed", effect=type(effect).__name__)

    async def _carry_out(self, effect: Effect) -> None:
        match effect:
            case Send(to, frame):
                await self._send(to, frame)
            case Ring():
                await self._ring(effect)
            case Tell():
                await self._tell(effect)
            case Conclude():
                await self._on_conclude(effect)
                if effect.told:
                    await self._send(effect.inviter, effect.result)
            case Grant() | Revoke() | CloseRoom():
                await self._node_sender.carry_out(effect)
            case Record(call):
                log.info("call_over", room=call.room, reason=call.reason)
            case Transferred():
                pass  # applied to the other room by the keeper
            case _:
                assert_never(effect)

    async def _send(self, to: DeviceRef, frame: Outgoing) -> None:
        """A device that is offline misses it."""
        if (online := await self._devices.get(to)) is not None:
            await self._device_sender.send(online.socket, frame)

    async def _ring(self, effect: Ring) -> None:
        room, user = effect.room, effect.device.user
        token = self._tokens.token(room.uuid, user, room.member(user).serial)
        frame = replies.ring(room, effect.invitation, user, token, self._ice.for_user(user, time.time()))
        await self._send(effect.device, frame)

    async def _tell(self, effect: Tell) -> None:
        for user in effect.users:
            for device in await self._devices.of(user):
                if device.ref != effect.skip:
                    await self._device_sender.send(device.socket, effect.event)
