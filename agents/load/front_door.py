"""Through the whole front door: sign-in, room, invitation, accept, the node's control link, `join`.

tester -> **front_door** -> users (SAPI), device (QSS), agents.node_client -> endpoint

The first participant of a room opens it and invites all others.
"""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from agents.errors import AgentError, CallError, MediaError, ProtocolError
from agents.link import Connecting, Link, within
from agents.load.device import LoadDevice
from agents.load.doors import Chair
from agents.load.endpoint import Endpoint, Studio
from agents.load.joining import JoinTimes
from agents.load.plan import Carrier
from agents.load.sockets import Negotiation, Qss, Socket
from agents.load.told import Told
from agents.load.users import LoadUser, LoadUsers
from agents.node_client import UNHEARD, NodeClient
from agents.qss_client import Frame
from agents.taken import read_layers

LEAVE_WITHIN_S: Final = 3.0
ROOM_WITHIN_S: Final = 30.0
TOO_FAST: Final = 429


@dataclass(frozen=True, slots=True)
class Way:
    """What carries a participant's frames."""

    path: str
    signaling: Connecting
    node: Connecting
    server: str
    """Which of a room's addresses is the node's."""


def way(carrier: Carrier, http: aiohttp.ClientSession) -> Way:
    """By plain WebSockets, which cost the tester the least, or by Socket.IO, as the page does."""
    if carrier == "socketio":
        return Way("/socket.io", Link, Link, "https")
    return Way("/ws", functools.partial(Socket, http, Qss()), functools.partial(Socket, http, Negotiation()), "wss")


@dataclass(frozen=True, slots=True)
class Admitted:
    """A room, and what lets one participant in at its node."""

    room: str
    token: str
    node: str

    @classmethod
    def read(cls, payload: Any, server: str) -> Admitted:  # noqa: ANN401 - as it comes from the wire
        """From a room's description (docs/protocol.md, Rooms) or an invitation's payload."""
        try:
            return cls(str(payload["room"]), str(payload["token"]), str(payload["server"][server]))
        except (KeyError, TypeError) as error:
            raise ProtocolError(f"signaling described a room without {error}") from None


@dataclass(slots=True)
class OpenRoom:
    """A room that its host has opened, or will."""

    host: LoadDevice | None = None
    room: asyncio.Future[str] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def fail(self, error: AgentError) -> None:
        """There will be no room; whoever waits for it is told why."""
        self.room.set_exception(MediaError(f"the room was not opened: {error}"))
        self.room.exception()  # seen: nobody may be waiting


@dataclass(slots=True)
class Guest:
    """A participant who came through the front door.  Owns device, control link and endpoint."""

    device: LoadDevice
    room: str
    node: NodeClient
    endpoint: Endpoint
    is_host: bool

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        """The one."""
        return (self.endpoint,)

    async def leave(self) -> None:
        """Out of the media, the room and signaling, in this order."""
        await within(LEAVE_WITHIN_S, self.node.leave())
        self.endpoint.close()
        await within(LEAVE_WITHIN_S, self.node.close())
        await within(LEAVE_WITHIN_S, self.device.qss.leave_room(self.room))
        await within(LEAVE_WITHIN_S, self.device.close())

    async def dismiss(self) -> None:
        """The host ends the room for all; one by one they would tell each other, n × n messages."""
        if self.is_host:
            await within(LEAVE_WITHIN_S, self._destroy())
        self.endpoint.close()
        await within(LEAVE_WITHIN_S, self.node.close())
        await within(LEAVE_WITHIN_S, self.device.close())

    async def _destroy(self) -> None:
        with suppress(AgentError):
            await self.device.qss.request("destroyRoom", {"payload": {"room": self.room}})


class FrontDoor:
    """Signaling at `url`.  Owns the users that it makes."""

    def __init__(
        self,
        http: aiohttp.ClientSession,
        url: str,
        *,
        carrier: Carrier,
        users: LoadUsers | tuple[LoadUser, ...],
        keep_users: bool,
    ) -> None:
        # Given to us.
        self._url = url
        self._way = way(carrier, http)
        self._source = users
        self._keep = keep_users
        # Ours.
        self._users: tuple[LoadUser, ...] = ()
        self._rooms: dict[int, OpenRoom] = {}

    async def open(self, count: int) -> None:
        """Sign so many users in."""
        if len(self._users) >= count:
            return
        self._users = await self._source.sign_in(count) if isinstance(self._source, LoadUsers) else self._source
        if len(self._users) < count:
            raise AgentError(f"--users names {len(self._users)} users, and the run needs {count}")

    async def join(self, studio: Studio, chair: Chair, times: JoinTimes) -> Guest:
        """One participant, up to his connection."""
        device = LoadDevice(
            self._url, self._users[chair.place], path=self._way.path, connecting=self._way.signaling, told=studio.told
        )
        try:
            admitted = await self._admit(device, chair, times, limit=len(studio.plan.members))
            return await self._connect(studio, chair, device, admitted, times)
        except CallError as error:
            await device.close()
            raise _explained(error) from None
        except BaseException:
            await device.close()
            raise

    async def close(self) -> None:
        """Remove the users."""
        if isinstance(self._source, LoadUsers) and not self._keep:
            await self._source.remove()
        self._users = ()

    def forget_rooms(self) -> None:
        """They ended when the last participant left."""
        self._rooms.clear()

    # Inside.

    async def _admit(self, device: LoadDevice, chair: Chair, times: JoinTimes, *, limit: int) -> Admitted:
        room = self._rooms.setdefault(chair.room, OpenRoom())
        if not chair.is_host:
            return await self._be_invited(device, room, times)
        try:
            return await self._create(device, room, times, limit)
        except AgentError as error:
            room.fail(error)
            raise

    async def _create(self, device: LoadDevice, room: OpenRoom, times: JoinTimes, limit: int) -> Admitted:
        await device.connect()
        times.done("connect", time.monotonic())
        answer = await device.qss.request("createRoom", {"payload": {"participantsLimit": limit}})
        times.done("create_room", time.monotonic())
        admitted = Admitted.read(answer.get("payload"), self._way.server)
        room.host = device
        room.room.set_result(admitted.room)
        return admitted

    async def _be_invited(self, device: LoadDevice, room: OpenRoom, times: JoinTimes) -> Admitted:
        name = await self._opened(room)
        times.restart(time.monotonic())
        await device.connect()
        times.done("connect", time.monotonic())
        ring = await self._rung(device, room, name, times)
        return Admitted.read(ring.get("payload"), self._way.server)

    async def _rung(self, device: LoadDevice, room: OpenRoom, name: str, times: JoinTimes) -> Frame:
        if room.host is None:
            raise ProtocolError("the room has no host")
        request, answer = room.host.qss.invite(device.user.name, name, audio=True, video=True)
        try:
            ring = await device.ring(answer)
            times.done("ring", time.monotonic())
            await device.accept(ring, answer)
            times.done("accept", time.monotonic())
        except BaseException:
            await within(LEAVE_WITHIN_S, room.host.qss.cancel(request))
            raise
        return ring

    async def _opened(self, room: OpenRoom) -> str:
        try:
            async with asyncio.timeout(ROOM_WITHIN_S):
                return await asyncio.shield(room.room)
        except TimeoutError:
            raise MediaError(f"the room was not opened within {ROOM_WITHIN_S:g} s") from None

    async def _connect(
        self, studio: Studio, chair: Chair, device: LoadDevice, admitted: Admitted, times: JoinTimes
    ) -> Guest:
        endpoint = Endpoint.of(studio, chair.member, times)
        node = NodeClient(
            admitted.node,
            room=admitted.room,
            token=admitted.token,
            on_event=functools.partial(_heard, studio.told, endpoint),
            connecting=self._way.node,
        )
        try:
            await node.connect()
            times.done("node", time.monotonic())
            answer = await node.join(endpoint.offer())
            await endpoint.connect(answer.sdp, urlsplit(admitted.node).hostname or "")
        except BaseException:
            endpoint.close()
            await within(LEAVE_WITHIN_S, node.close())
            raise
        return Guest(device, admitted.room, node, endpoint, chair.is_host)


def _heard(told: Told, endpoint: Endpoint, name: str, data: object) -> None:
    """What the node says unasked is counted, and obeyed."""
    if name == UNHEARD:
        return
    told.hear(name, data)
    if name == "layers":
        endpoint.take_layers(read_layers(data))


def _explained(error: CallError) -> AgentError:
    """A limit that a load test has to have raised is named."""
    if error.code == TOO_FAST:
        return AgentError(f"{error}; raise signaling's rates, as docs/load.md says")
    return error
