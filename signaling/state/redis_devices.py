"""Devices that are online, and the requests they have begun, in Redis."""

from __future__ import annotations

from collections.abc import Callable

from ..errors import StateAway
from ..qss.devices import Device
from ..qss.frames import Outgoing, Sent
from ..qss.identifiers import DeviceId, DeviceRef, RequestId, UserId
from . import codec
from .deliveries import ProcessId, Result
from .redis_client import PREFIX, Client

ANSWERED, NEW = 1, 2


class RedisDevices:
    """The devices that are online, at any process."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def put(self, device: Device) -> None:
        """The device is here; raises StateAway while the others have given this process up."""
        record = codec.text(codec.record_of(device))
        done = await self._client.run("put", device.user, device.card.id, device.process, device.socket, record)
        if not done:
            raise StateAway

    async def remove(self, device: Device) -> bool:
        """The device is gone; False if a newer connection has taken its place."""
        return bool(await self._client.run("remove", device.user, device.card.id, device.socket))

    async def get(self, device: DeviceRef) -> Device | None:
        """The connection of one device."""
        record = await self._client.do("HGET", f"{PREFIX}devices:{device.user}", device.device)
        return codec.device_of(record) if record else None

    async def of(self, user: UserId) -> tuple[Device, ...]:
        """All devices of a user."""
        return tuple(map(codec.device_of, await self._client.do("HVALS", f"{PREFIX}devices:{user}")))

    async def at(self, process: ProcessId) -> tuple[Device, ...]:
        """All devices of a process."""
        names = [name.decode().split(" ", 1) for name in await self._client.do("SMEMBERS", f"{PREFIX}at:{process}")]
        found = [await self.get(DeviceRef(UserId(user), DeviceId(device))) for user, device in names]
        return tuple(device for device in found if device is not None and device.process == process)

    async def count(self) -> int:
        """How many devices are online."""
        processes = await self._client.do("SMEMBERS", f"{PREFIX}processes")
        return sum([int(await self._client.do("SCARD", f"{PREFIX}at:{one.decode()}")) for one in processes])


class RedisAnswers:
    """Requests begun and answers given; forgotten by expiry, so bounded by how fast a device may ask."""

    def __init__(self, client: Client, process: ProcessId) -> None:
        self._client = client
        self._process = process

    async def begin(self, device: DeviceRef, request: RequestId, lost: Callable[[], Outgoing]) -> Sent | bool:
        """The answer that the request has got; else whether it is new: False while another process serves it."""
        fallback = codec.text(codec.encode(Result(device, request, lost())))
        outcome = await self._client.run("begin", codec.request_name(device, request), self._process, fallback)
        return codec.frame_of(outcome[1]) if outcome[0] == ANSWERED else bool(outcome[0] == NEW)

    async def get(self, device: DeviceRef, request: RequestId) -> Sent | None:
        """The answer given, if it is still remembered."""
        data = await self._client.do("GET", f"{PREFIX}answer:{codec.request_name(device, request)}")
        return codec.frame_of(data) if data else None
