"""A real node in this process, a stand-in for signaling that speaks `/nodes`, and clients that speak to the node.

The stand-in and the clients use real sockets; nothing of the node is replaced.
"""

import asyncio
import contextlib
import hashlib
import itertools
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import aiohttp
import aiortc
import socketio
from aiohttp import web
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack

from sfu.app import NodeProcess
from sfu.config import NodeConfig
from tests.support.eventually import until
from tests.support.ports import free_tcp_port

SECRET = "0123456789abcdef"
ANSWER_S = 20.0
"""For an answer on a machine that is busy with other tests."""


@dataclass
class Signaling:
    """The server end of `/nodes`: keeps what a node reports, and can ask it for things."""

    port: int = 0
    reports: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    registrations: list[dict[str, Any]] = field(default_factory=list)
    close_rooms: list[str] = field(default_factory=list)
    secret: str = SECRET
    refuses: int | None = None
    """Registrations are answered with this error."""
    takes_reports: bool = True
    """Else they are answered 503."""
    _runner: web.AppRunner | None = None

    async def start(self) -> Self:
        """Take a port (the last one again) and serve."""
        make: Any = socketio.AsyncServer
        self._server: Any = make(async_mode="aiohttp", cors_allowed_origins="*")
        for event, handler in (("connect", self._connect), ("register", self._register), ("*", self._report)):
            self._server.on(event, handler, namespace="/nodes")
        app = web.Application()
        self._server.attach(app)
        self._runner = runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = runner.addresses[0][1]
        return self

    async def stop(self) -> None:
        """As if the process had died; again is harmless."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await self._server.shutdown()
            await runner.cleanup()

    async def ask(self, event: str, **data: object) -> dict[str, Any]:
        """A request to the node and its answer."""
        answer: dict[str, Any] = await self._server.call(
            event, data, to=self._sid, namespace="/nodes", timeout=ANSWER_S
        )
        return answer

    async def registered(self, within_s: float) -> None:
        """Wait for a registration."""
        await until(lambda: self.registrations, "a node registers", within_s)

    def of(self, event: str) -> list[dict[str, Any]]:
        """What was reported under this name."""
        return [data for name, data in self.reports if name == event]

    async def _connect(self, sid: str, _environ: object, auth: dict[str, Any]) -> None:
        if auth.get("secret") != self.secret:
            refused: Any = socketio.exceptions.ConnectionRefusedError
            raise refused("unauthorized", {"code": "unauthorized"})
        self._sid = sid

    async def _register(self, _sid: str, data: dict[str, Any]) -> dict[str, Any]:
        if self.refuses is not None:
            return {"error": self.refuses, "message": "not here"}
        self.registrations.append(data)
        return {"close": self.close_rooms, "node": data["node"]}

    async def _report(self, event: str, _sid: str, data: dict[str, Any]) -> dict[str, Any]:
        self.reports.append((event, data))
        return {} if self.takes_reports else {"error": 503, "message": "state is away"}


@dataclass
class Deployment:
    """A node registered with the stand-in, with rooms and tokens for tests."""

    signaling: Signaling
    other: Signaling
    """A second process of signaling, with a port of its own and not started."""
    process: NodeProcess
    config: NodeConfig
    _rooms: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def url(self) -> str:
        """The node's HTTP port."""
        return f"http://127.0.0.1:{self.process.http_port}"

    async def room(self, *users: str, limit: int = 100) -> str:
        """A new room to which each of `users` is admitted with `token(user)`."""
        room = f"{next(self._rooms):064x}"
        answer = await self.signaling.ask("open_room", room=room, record={}, participants_limit=limit, bitrate=1024)
        assert answer == {}
        for user in users:
            await self.grant(room, user)
        return room

    async def grant(self, room: str, user: str, *, publish: bool = True, receive: bool = True) -> None:
        """Admit one more user."""
        digest = hashlib.sha256(token(user).encode()).hexdigest()
        rights = {"publish": publish, "receive": receive}
        assert await self.signaling.ask("grant", room=room, user=user, serial=1, digest=digest, rights=rights) == {}


def token(user: str) -> str:
    """The room token of a user."""
    return f"token-of-{user}"


def node_config(*signaling: str, **changes: Any) -> NodeConfig:  # noqa: ANN401
    """A config for tests: any free ports, one worker, this machine only."""
    config = NodeConfig(
        signaling=signaling or ("http://127.0.0.1:9",),
        secret=SECRET,
        port=0,
        udp_host="127.0.0.1",
        udp_port=0,
        advertise=("127.0.0.1",),
    )
    return replace(config, **changes)


@contextlib.asynccontextmanager
async def running_node(**changes: Any) -> AsyncIterator[Deployment]:  # noqa: ANN401
    """A node that is registered with a stand-in."""
    signaling = await Signaling().start()
    other = Signaling(free_tcp_port())
    config = node_config(*(f"http://127.0.0.1:{one.port}" for one in (signaling, other)), **changes)
    process = NodeProcess(config)
    await process.start()
    try:
        await until(process.link.registered.is_set, "the node registers")
        await until(lambda: signaling.registrations, "signaling gets the registration")
        yield Deployment(signaling, other, process, config)
    finally:
        await process.stop()
        await signaling.stop()


class Watch:
    """Decodes what arrives on one track and counts it."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.frames = 0
        self._track = track
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        with contextlib.suppress(aiortc.mediastreams.MediaStreamError):
            while True:
                await self._track.recv()
                self.frames += 1

    async def stop(self) -> None:
        """Stop counting."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


class Media:
    """An aiortc peer connection as a client of the node uses it."""

    def __init__(self, *, publish: Sequence[str] = ("audio", "video"), seats: int = 2) -> None:
        configuration = aiortc.RTCConfiguration(iceServers=[], bundlePolicy=aiortc.RTCBundlePolicy.MAX_BUNDLE)
        self.pc = aiortc.RTCPeerConnection(configuration)
        self.watches: dict[str, Watch] = {}
        for kind in publish:
            track = AudioStreamTrack() if kind == "audio" else VideoStreamTrack()
            self.pc.addTransceiver(track, direction="sendonly")
        self.add_seats(seats)

    def add_seats(self, count: int) -> None:
        """More seats for the next offer."""
        for _ in range(count):
            self.pc.addTransceiver("audio", direction="recvonly")
            self.pc.addTransceiver("video", direction="recvonly")

    async def offer(self) -> str:
        """The text of an offer, applied."""
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return str(self.pc.localDescription.sdp)

    async def apply(self, answer: str) -> None:
        """Apply the node's answer, and count what arrives."""
        await self.pc.setRemoteDescription(aiortc.RTCSessionDescription(answer, "answer"))
        for transceiver in self.pc.getTransceivers():
            track = transceiver.receiver.track
            if transceiver.currentDirection == "recvonly" and str(transceiver.mid) not in self.watches:
                self.watches[str(transceiver.mid)] = Watch(track)

    async def connected(self) -> None:
        """Wait for ICE and DTLS."""
        await until(lambda: self.pc.connectionState == "connected", "the peer connects", 30)

    async def sees(self, mid: str, frames: int = 10) -> None:
        """Wait for so many more decoded frames on one m-line."""
        wanted = self.watches[mid].frames + frames
        await until(lambda: self.watches[mid].frames >= wanted, f"{frames} frames on mid {mid}", 30)

    async def close(self) -> None:
        """End the connection, with its goodbye."""
        await self.pc.close()
        for watch in self.watches.values():
            await watch.stop()


class SocketIoClient:
    """Media negotiation over Socket.IO; keeps the events it gets."""

    def __init__(self, deployment: Deployment, media: Media | None = None) -> None:
        self.media = media or Media()
        self.events: list[tuple[str, Any]] = []
        self.answer: dict[str, Any] = {}
        self._deployment = deployment
        self._socket: Any = None

    async def connect(self, room: str, user: str, **more: object) -> Self:
        """Say who we are; ConnectionError if we are refused."""
        make: Any = socketio.AsyncClient
        self._socket = make(reconnection=False)
        self._socket.on("*", self._event)
        self._socket.on("connect_error", lambda data: self.events.append(("refused", data)))
        try:
            await self._socket.connect(
                self._deployment.url,
                wait_timeout=ANSWER_S,
                auth={"room": room, "token": token(user), **more},
                socketio_path=self._deployment.config.socketio_path,
                transports=["websocket"],
            )
        except socketio.exceptions.ConnectionError:
            await self._socket.disconnect()
            raise
        return self

    async def join(self, room: str, user: str) -> Self:
        """Connect, join and wait until media is connected."""
        await self.connect(room, user)
        self.answer = await self.ask("join", {"sdp": await self.media.offer()})
        assert "error" not in self.answer, self.answer
        await self.media.apply(self.answer["sdp"])
        await self.media.connected()
        return self

    async def reoffer(self) -> dict[str, Any]:
        """Another offer and its answer, applied."""
        answer = await self.ask("offer", {"sdp": await self.media.offer()})
        assert "error" not in answer, answer
        await self.media.apply(answer["sdp"])
        return answer

    async def ask(self, event: str, data: object) -> dict[str, Any]:
        """A request and its answer."""
        answer: dict[str, Any] = await self._socket.call(event, data, timeout=ANSWER_S)
        return answer

    @property
    def peer(self) -> str:
        """Our peer id."""
        return str(self.answer["peer"])

    @property
    def connected(self) -> bool:
        """Whether the control connection stands."""
        return bool(self._socket.connected)

    def got(self, event: str) -> list[Any]:
        """The data of every event of this name, in order."""
        return [data for name, data in self.events if name == event]

    def seats(self) -> dict[str, Any]:
        """Who sits where now."""
        seated: dict[str, Any] = {}
        for data in self.got("seats"):
            seated |= data
        return seated

    async def shown(self, user: str) -> dict[str, str]:
        """Wait until a seat shows both tracks of `user`; the mids of that seat."""

        def seat() -> str | None:
            for number, view in self.seats().items():
                if view and view["participant"] == user and all(view["track"].values()):
                    return str(number)
            return None

        await until(seat, f"{user} has a seat")
        mids = {str(item["seat"]): item["mids"] for item in self.answer["seats"]}
        found: dict[str, str] = mids[str(seat())]
        return found

    async def drop(self) -> None:
        """Lose the control connection; media goes on."""
        await self._socket.disconnect()

    async def close(self) -> None:
        """End both connections."""
        if self._socket is not None:
            await self._socket.disconnect()
        await self.media.close()

    async def _event(self, event: str, data: object) -> None:
        self.events.append((event, data))


@contextlib.asynccontextmanager
async def websocket(deployment: Deployment) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    """A plain WebSocket to the node."""
    url = f"{deployment.url}{deployment.config.websocket_path}"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        yield socket
