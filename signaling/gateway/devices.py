"""The connections of devices: who is let in, how fast they may send, and what becomes of their frames.

sockets, websocket -> **devices** -> parse -> requests          state -> **devices** -> sockets, websocket

The rules are here, once; what carries the frames is beside (`sockets.py`, `websocket.py`).  A connection is let in with
an access token, and nothing is kept of it before that.  Its frames are taken one after the other.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Protocol

import msgspec
from msgspec import Struct

from common.log import FieldLog
from common.rate import TokenBucket

from ..config import SignalingConfig
from ..errors import Malformed, NotLetIn, NotSignedIn, ServerFault, SignalingError, TooFast
from ..identities import Identities
from ..keeper import Keeper
from ..limits import Limits
from ..metrics import Metrics
from ..presence import Presence
from ..qss import frames
from ..qss.devices import Device, DeviceCard
from ..qss.events import Ready, event
from ..qss.frames import Outgoing, Sent
from ..qss.identifiers import new_request_id
from ..qss.parse import Label, label_of, parse
from ..requests import Requests
from .endings import Ending

log = FieldLog(__name__)


class Carrier(Protocol):
    """What carries the frames of devices.  None of these waits for the device."""

    def deliver(self, socket: str, text: str) -> None:
        """Send a frame, as JSON text; a connection that is gone misses it."""

    def unread(self, socket: str) -> int:
        """How many frames wait for a device that does not read them."""

    def alive(self, socket: str) -> bool:
        """Whether the connection is still there."""

    def end(self, socket: str, ending: Ending) -> None:
        """End a connection, transport and all; again is harmless."""


Answered = asyncio.Future[Sent] | Sent | None
"""What acknowledges a frame: nothing, an answer, or the one that others wait for as well."""


class ConnectAuth(Struct, frozen=True, kw_only=True):
    """What a device presents at connect."""

    token: str
    device: DeviceCard | None = None


@dataclass(slots=True)
class Session:
    """One connection of a device that is signed in."""

    device: Device
    carrier: Carrier
    bucket: TokenBucket
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Frames of one device are handled one after the other."""


class DeviceConnections:
    """Connections of devices by the id of their socket, whatever carries them."""

    def __init__(
        self, *, config: SignalingConfig, process: str, identities: Identities, metrics: Metrics, limits: Limits
    ) -> None:
        # Given to us; the others by `attach`, because their deliveries come back here.
        self._config = config
        self._process = process
        self._identities = identities
        self._metrics = metrics
        self._limits = limits
        self._keeper: Keeper
        self._presence: Presence
        self._requests: Requests
        # Ours.
        self._sessions: dict[str, Session] = {}
        self._greetings: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._seen_off = asyncio.Event()

    def attach(self, keeper: Keeper, presence: Presence, requests: Requests) -> None:
        """Who tells the time, who is told of devices, and who serves requests."""
        self._keeper = keeper
        self._presence = presence
        self._requests = requests

    async def close(self) -> None:
        """Wait for greetings under way."""
        if self._greetings:
            await asyncio.wait(self._greetings)

    async def finish(self) -> None:
        """Take no more frames, and wait until those taken are answered.

        A frame that comes now gets no answer: its device asks again elsewhere, under the same requestID.
        """
        self._stopping = True
        for session in list(self._sessions.values()):
            async with session.turn:
                pass

    async def see_off(self) -> None:
        """Have all devices connect again, and wait until they are gone."""
        for socket in list(self._sessions):
            self.disconnect(socket, Ending.STOPPING)
        while self._sessions:
            self._seen_off.clear()
            await self._seen_off.wait()

    def __len__(self) -> int:
        return len(self._sessions)

    # --- towards the device ------------------------------------------------------------------------------------------

    async def send(self, socket: str, frame: Sent) -> None:
        """Send a frame to a connection of ours; one that is gone misses it, one that does not read is ended."""
        session = self._sessions.get(socket)
        if session is not None and self._reads(socket, session):
            session.carrier.deliver(socket, msgspec.json.encode(frame).decode())

    def unread(self, socket: str) -> int:
        """How many frames wait for a device that does not read them."""
        session = self._sessions.get(socket)
        return session.carrier.unread(socket) if session is not None else 0

    def disconnect(self, socket: str, ending: Ending) -> None:
        """End a connection of ours without waiting for it; one that is gone already is no matter."""
        if (session := self._sessions.get(socket)) is not None:
            session.carrier.end(socket, ending)

    def _reads(self, socket: str, session: Session) -> bool:
        """Whether the device keeps up; if not, its connection is ended."""
        if session.carrier.unread(socket) < self._config.unread_frames:
            return True
        log.warning("device_does_not_read", user=session.device.user, device=session.device.card.id)
        session.carrier.end(socket, Ending.DOES_NOT_READ)
        return False

    # --- from the carriers -------------------------------------------------------------------------------------------

    async def connected(self, socket: str, carrier: Carrier, auth: object, address: str) -> None:
        """Let a device in; raises NotLetIn.  It is greeted once its carrier has confirmed the connection."""
        device = await self._recognised(socket, auth, address)
        if not carrier.alive(socket):
            raise NotLetIn("gone")  # while the token was being checked
        if self._stopping:
            raise NotLetIn("stopping", "this process stops; connect again")
        rates = self._config.rates
        bucket = TokenBucket(rate_per_s=rates.frames_per_s, burst=rates.frames_burst, now=self._keeper.now())
        session = self._sessions[socket] = Session(device, carrier, bucket)
        log.info("device_online", user=device.user, device=device.card.id)
        ready = event(Ready(user_id=device.user, device_id=device.card.id, username=device.username))
        # Carriers confirm when this returns.
        asyncio.get_running_loop().call_soon(self._greet, session, ready)

    async def disconnected(self, socket: str) -> None:
        """A device's connection is gone; its media goes on."""
        session = self._sessions.pop(socket, None)
        if session is not None:
            log.info("device_offline", user=session.device.user, device=session.device.card.id)
            self._seen_off.set()
            await self._presence.gone(session.device)

    async def received(self, socket: str, data: object) -> Answered:
        """One frame of a device, parsed or not; gives what acknowledges it, where something does, or will.

        The answers to requests are sent as frames besides.
        """
        session = self._sessions.get(socket)
        if session is None:
            return _error(Label(), NotSignedIn())
        if self._stopping or not self._reads(socket, session):
            return None
        if not self._within_rate(session):
            return await self._refused(session, label_of(data), TooFast())
        return await self._frame(session, data)

    async def malformed(self, socket: str, problem: str) -> Sent | None:
        """A device sent what is no frame at all."""
        session = self._sessions.get(socket)
        if session is None:
            return _error(Label(), NotSignedIn())
        error = Malformed(problem) if self._within_rate(session) else TooFast()
        return await self._refused(session, Label(), error)

    def _within_rate(self, session: Session) -> bool:
        now = self._keeper.now()
        return session.bucket.take(now) and self._limits.may_send(session.device.user, now)

    async def _frame(self, session: Session, data: object) -> Answered:
        try:
            async with session.turn:
                label, frame = parse(data)
                self._metrics.frame(label.name or "other")
                began = self._keeper.now()
                answer = await self._requests.serve(session.device, frame)
                if isinstance(frame, frames.Invite):
                    self._metrics.rang(self._keeper.now() - began)
                return answer
        except SignalingError as error:
            return await self._refused(session, label_of(data), error)
        except Exception:
            log.fault("frame_failed", user=session.device.user)
            return await self._refused(session, label_of(data), ServerFault())

    async def _refused(self, session: Session, label: Label, error: SignalingError) -> Outgoing:
        frame = _error(label, error)
        await self._requests.send(session.device.ref, frame)
        return frame

    async def _recognised(self, socket: str, auth: object, address: str) -> Device:
        """Whose device this is; raises NotLetIn, also for an address that has presented too many wrong tokens."""
        if not self._limits.may_sign_in(address, self._keeper.now()):
            raise NotLetIn("too_fast", "too many failed sign-ins from this address")
        try:
            return await self._signed_in(socket, auth)
        except NotLetIn as refusal:
            if refusal.reason == "unauthorized":
                self._limits.failed(address, self._keeper.now())
            raise

    async def _signed_in(self, socket: str, auth: object) -> Device:
        try:
            given = msgspec.convert(auth, ConnectAuth)
            signed_in = await self._identities.check(given.token)
        except msgspec.ValidationError as error:
            if isinstance(auth, dict) and isinstance(auth.get("token"), str):
                raise NotLetIn("malformed", str(error)) from None
            raise NotLetIn("unauthorized") from None
        except NotSignedIn:
            raise NotLetIn("unauthorized") from None
        except SignalingError as error:
            raise NotLetIn("unavailable", error.message) from None
        user = signed_in.user
        card = given.device or DeviceCard(id=new_request_id())
        return Device(
            user=user.id,
            username=user.username,
            card=card,
            socket=socket,
            session=signed_in.session,
            process=self._process,
        )

    def _greet(self, session: Session, ready: frames.Event) -> None:
        task = asyncio.get_running_loop().create_task(self._greeted(session, ready))
        self._greetings.add(task)
        task.add_done_callback(self._greetings.discard)

    async def _greeted(self, session: Session, ready: frames.Event) -> None:
        """Its first frame is `ready`; only then is anybody told of the device, and its own frames wait until then."""
        async with session.turn:
            if self._sessions.get(session.device.socket) is session:
                await self.send(session.device.socket, ready)
                await self._presence.came(session.device)
                if not await self._identities.is_good(session.device.session):
                    self.disconnect(session.device.socket, Ending.SESSION_OVER)  # it ended while the device came


def _error(label: Label, error: SignalingError) -> Outgoing:
    """The answer to a frame that got no further than here."""
    if label.envelope == "type" and label.request_id is not None:
        payload = frames.WacResponseBody(id=label.request_id, error=error.code, message=error.message)
        return frames.WacResponse(payload=payload)
    return frames.Answer(
        answer=label.name,
        request_id=msgspec.UNSET if label.request_id is None else label.request_id,
        error=error.code,
        message=error.message,
    )
