"""Devices over Socket.IO: the default namespace.

sockets -> **socketio** -> devices

Frames travel in the event `message`, both ways; the acknowledgement carries the answer, which for an invitation is the
final one.
"""

from __future__ import annotations

from ..addresses import AddressOf
from ..errors import NotLetIn
from .devices import DeviceConnections
from .endings import Ending
from .namespaces import refused
from .sockets import Sockets

NAMESPACE = "/"
EVENT = "message"


class SocketIoDevices:
    """The Socket.IO connections of devices, by their Socket.IO id.  One transport carries one of them."""

    takes_text = True

    def __init__(self, sockets: Sockets, devices: DeviceConnections, address_of: AddressOf) -> None:
        # Given to us.
        self._sockets = sockets
        self._devices = devices
        self._address_of = address_of
        # Ours.
        self._transports: dict[str, str] = {}
        self._taken: set[str] = set()

    # --- for the library (namespaces.Namespace) ----------------------------------------------------------------------

    async def connected(self, sid: str, auth: object) -> None:
        """Let a device in, or refuse it."""
        transport = self._sockets.transport_of(sid, NAMESPACE) or sid
        if transport in self._taken:
            raise refused("already", "this connection is signed in already")
        self._taken.add(transport)
        try:
            await self._devices.connected(sid, self, auth, self._address_of(self._sockets.request_of(sid, NAMESPACE)))
        except BaseException as refusal:
            self._taken.discard(transport)
            if isinstance(refusal, NotLetIn):
                raise refused(refusal.reason, refusal.message) from None
            raise
        self._transports[sid] = transport
        self._sockets.welcome(sid, NAMESPACE)

    async def disconnected(self, sid: str) -> None:
        """A device's connection is gone."""
        self._taken.discard(self._transports.pop(sid, ""))
        await self._devices.disconnected(sid)

    async def malformed(self, sid: str, problem: str) -> None:
        """A device sent what is no event."""
        await self._devices.malformed(sid, problem)

    async def happened(self, sid: str, event: str, data: object) -> object:
        """One event of a device; gives its acknowledgement, or the future of it."""
        if event == EVENT:
            answer = await self._devices.received(sid, data)
        else:
            answer = await self._devices.malformed(sid, f"unknown event {event[:64]!r}; use {EVENT!r}")
        return {} if answer is None else answer

    # --- for the devices' connections (devices.Carrier) --------------------------------------------------------------

    def deliver(self, socket: str, text: str) -> None:
        """Send a frame."""
        self._sockets.emit(EVENT, text, to=socket, namespace=NAMESPACE)

    def unread(self, socket: str) -> int:
        """How many packets wait for the device."""
        return self._sockets.unread(socket, NAMESPACE)

    def alive(self, socket: str) -> bool:
        """Whether the transport is still there."""
        return self._sockets.alive(socket, NAMESPACE)

    def end(self, socket: str, ending: Ending) -> None:
        """End a connection."""
        self._sockets.disconnect(socket, NAMESPACE, for_good=ending.for_good)
