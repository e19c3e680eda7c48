"""The devices connected to this process: known here at once, and told to the state, which tells everybody else.

gateway -> **presence** -> state, keeper

Frames are sent by what is known here; who is rung and where a delivery goes is decided by what the state knows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from common.log import FieldLog

from .errors import StateAway
from .qss.devices import Device
from .qss.identifiers import DeviceId, DeviceRef, UserId
from .state import Devices

log = FieldLog(__name__)

Happening = Callable[[DeviceRef], Awaitable[None]]


class Presence:
    """Who is connected here."""

    def __init__(
        self, devices: Devices, *, on_came: Happening, on_gone: Happening, on_left: Callable[[DeviceRef], None]
    ) -> None:
        # Given to us.  `on_left`: it is not connected here any more, though it may be elsewhere.
        self._devices = devices
        self._on_left = on_left
        self._on_came = on_came
        self._on_gone = on_gone
        # Ours.
        self._here: dict[UserId, dict[DeviceId, Device]] = {}
        self.untold = False
        """Whether the state has missed something, and has to be told again."""

    def get(self, ref: DeviceRef) -> Device | None:
        """The connection of a device, if it is here."""
        return self._here.get(ref.user, {}).get(ref.device)

    def of(self, user: UserId) -> tuple[Device, ...]:
        """A user's devices here."""
        return tuple(self._here.get(user, {}).values())

    def all(self) -> tuple[Device, ...]:
        """All devices here."""
        return tuple(device for own in self._here.values() for device in own.values())

    async def came(self, device: Device) -> None:
        """A device is connected; it rings if its user is being rung.  While the state is away, nobody is told."""
        self._here.setdefault(device.user, {})[device.ref.device] = device
        try:
            await self._tell(device)
        except StateAway:
            self.untold = True
            log.info("device_not_told", user=device.user, device=device.card.id)

    async def gone(self, device: Device) -> None:
        """A connection has ended.  It may be one that the device has replaced."""
        current = self.get(device.ref)
        if current is not None and current.socket == device.socket:
            self._drop(device)
        try:
            await self._take_back(device)
        except StateAway:
            self.untold = True
            log.info("device_not_taken_back", user=device.user, device=device.card.id)

    async def tell_again(self, known: tuple[Device, ...]) -> None:
        """Make the state agree with us, which knows of these devices at this process."""
        self.untold = False
        told = {device.socket for device in known}
        here = {device.socket for device in self.all()}
        for device in known:
            if device.socket not in here:
                await self._take_back(device)
        for device in self.all():
            if device.socket not in told:
                await self._tell(device)

    async def _tell(self, device: Device) -> None:
        await self._devices.put(device)
        if self.get(device.ref) is not device:
            await self._take_back(device)  # it went while the state was being told
            return
        await self._on_came(device.ref)

    async def _take_back(self, device: Device) -> None:
        if await self._devices.remove(device):
            await self._on_gone(device.ref)

    def _drop(self, device: Device) -> None:
        own = self._here[device.user]
        del own[device.ref.device]
        if not own:
            del self._here[device.user]
        self._on_left(device.ref)
