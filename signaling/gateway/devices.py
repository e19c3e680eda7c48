"""The shell that devices connect to: the default namespace of Socket.IO.

socket -> sockets -> **devices** -> parse -> requests

A connection is let in with an access token, and nothing is kept of it before that.  Its frames are taken one after the
other, in the event `message`; the acknowledgement carries the answer, which for an invitation is the final one.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import msgspec
from msgspec import Struct

from ..config import SignalingConfig
from ..errors import Malformed, NotSignedIn, ServerFault, SignalingError, TooFast
from ..keeper import Keeper
from ..log import FieldLog
from ..qss import frames
from ..qss.devices import Device, DeviceCard
from ..qss.frames import Outgoing
from ..qss.identifiers import DeviceRef, new_request_id
from ..qss.parse import Label, label_of, parse
from ..requests import Requests
from ..state import Devices
from ..store.users import Users
from ..tokens import AccessTokens
from .rate import TokenBucket
from .sockets import Sockets, refused

NAMESPACE = "/"
EVENT = "message"

log = FieldLog(__name__)


class ConnectAuth(Struct, frozen=True, kw_only=True):
    """What a device presents at connect."""

    token: str
    device: DeviceCard | None = None


@dataclass(slots=True)
class Session:
    """One connection of a device that is signed in."""

    device: Device
    bucket: TokenBucket
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Frames of one device are handled one after the other."""


class DeviceSockets:
    """Connections of devices, by their Socket.IO id."""

    def __init__(
        self, *, config: SignalingConfig, sockets: Sockets, devices: Devices, users: Users, access: AccessTokens
    ) -> None:
        # Given to us; keeper and requests by `attach`, because their effects come back here.
        self._config = config
        self._sockets = sockets
        self._devices = devices
        self._users = users
        self._access = access
        self._keeper: Keeper
        self._requests: Requests
        # Ours.
        self._sessions: dict[str, Session] = {}
        self._transports: dict[str, str] = {}
        self._greetings: set[asyncio.Task[None]] = set()

    def attach(self, keeper: Keeper, requests: Requests) -> None:
        """Who changes rooms, and who serves requests."""
        self._keeper = keeper
        self._requests = requests

    async def close(self) -> None:
        """Wait for greetings under way."""
        if self._greetings:
            await asyncio.wait(self._greetings)

    async def send(self, device: DeviceRef, frame: Outgoing) -> None:
        """Send a frame to a device; one that is offline misses it, one that does not read is disconnected."""
        online = await self._devices.get(device)
        if online is None:
            return
        if self._sockets.unread(online.socket, NAMESPACE) >= self._config.unread_frames:
            log.warning("device_does_not_read", user=device.user, device=device.device)
            self._sockets.disconnect(online.socket, NAMESPACE, for_good=False)
            return
        await self._sockets.emit(EVENT, frames.wire(frame), to=online.socket, namespace=NAMESPACE)

    async def connected(self, sid: str, auth: object) -> None:
        """Let a device in, or refuse it."""
        transport = self._sockets.transport_of(sid, NAMESPACE) or sid
        device = await self._signed_in(sid, auth)
        if not self._sockets.alive(sid, NAMESPACE):
            raise refused("gone")  # while the token was being checked
        if transport in self._transports.values():
            raise refused("already", "this connection is signed in already")
        self._transports[sid] = transport
        self._sockets.welcome(sid, NAMESPACE)
        bucket = TokenBucket(self._config.rate_per_s, self._config.rate_burst, self._keeper.now())
        self._sessions[sid] = Session(device, bucket)
        replaced = await self._devices.put(device)
        log.info("device_online", user=device.user, device=device.card.id)
        ready = frames.event("ready", userId=device.user, deviceId=device.card.id, username=device.username)
        # Frames follow once the library has confirmed the connection, which it does when this returns.
        asyncio.get_running_loop().call_soon(self._greet, device, ready, replaced)

    async def disconnected(self, sid: str) -> None:
        """A device's connection is gone; its media goes on."""
        self._transports.pop(sid, None)
        session = self._sessions.pop(sid, None)
        if session is not None and await self._devices.remove(session.device):
            log.info("device_offline", user=session.device.user, device=session.device.card.id)
            await self._keeper.device_gone(session.device.ref)

    async def happened(self, sid: str, event: str, data: object) -> object:
        """One event of a device; gives its acknowledgement."""
        session = self._sessions.get(sid)
        if session is None:
            return frames.wire(_error(Label(), NotSignedIn()))
        if self._sockets.unread(sid, NAMESPACE) >= self._config.unread_frames:
            self._sockets.disconnect(sid, NAMESPACE, for_good=False)
            return None
        if not session.bucket.take(self._keeper.now()):
            return await self._refused(session, label_of(data), TooFast())
        if event != EVENT:
            return await self._refused(session, Label(), Malformed(f"unknown event {event[:64]!r}; use {EVENT!r}"))
        return await self._frame(session, data)

    async def _frame(self, session: Session, data: object) -> object:
        try:
            async with session.turn:
                _label, frame = parse(data)
                answer = await self._requests.serve(session.device, frame)
        except SignalingError as error:
            return await self._refused(session, label_of(data), error)
        except Exception:
            log.fault("frame_failed", user=session.device.user)
            return await self._refused(session, label_of(data), ServerFault())
        if isinstance(answer, asyncio.Future):
            answer = await asyncio.shield(answer)
        return {} if answer is None else frames.wire(answer)

    async def _refused(self, session: Session, label: Label, error: SignalingError) -> object:
        frame = _error(label, error)
        await self._requests.send(session.device.ref, frame)
        return frames.wire(frame)

    async def _signed_in(self, sid: str, auth: object) -> Device:
        try:
            given = msgspec.convert(auth, ConnectAuth)
            claims = self._access.check(given.token, now=time.time())
        except msgspec.ValidationError as error:
            code = "malformed" if isinstance(auth, dict) and isinstance(auth.get("token"), str) else "unauthorized"
            raise refused(code, str(error) if code == "malformed" else None) from None
        except NotSignedIn:
            raise refused("unauthorized") from None
        user = await self._users.by_id(claims.user)
        if user is None:
            raise refused("unauthorized")
        card = given.device or DeviceCard(id=new_request_id())
        return Device(user=user.id, username=user.username, card=card, socket=sid)

    def _greet(self, device: Device, ready: frames.Event, replaced: Device | None) -> None:
        task = asyncio.get_running_loop().create_task(self._greeted(device, ready, replaced))
        self._greetings.add(task)
        task.add_done_callback(self._greetings.discard)

    async def _greeted(self, device: Device, ready: frames.Event, replaced: Device | None) -> None:
        await self._requests.send(device.ref, ready)
        await self._keeper.device_came(device.ref)
        if replaced is not None:
            self._sockets.disconnect(replaced.socket, NAMESPACE, for_good=True)


def _error(label: Label, error: SignalingError) -> Outgoing:
    """The answer to a frame that got no further than here."""
    if label.envelope == "type" and label.request_id is not None:
        payload = frames.WacResponse.Payload(id=label.request_id, error=error.code, message=error.message)
        return frames.WacResponse(payload=payload)
    return frames.Answer(
        answer=label.name,
        request_id=msgspec.UNSET if label.request_id is None else label.request_id,
        error=error.code,
        message=error.message,
    )
