"""Clients of a node under test: real media (aiortc), negotiated over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Self

import aiohttp
import aiortc
import socketio
from aiortc.mediastreams import AudioStreamTrack, MediaStreamTrack, VideoStreamTrack

from tests.support.eventually import until
from tests.support.node import Deployment, Node, token
from tests.support.stand_in import ANSWER_S


class NotConnected(AssertionError):
    """A connection was not made; the text says what ICE and DTLS were at."""


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
        """Wait for ICE and DTLS; what they are at is said where they do not get there."""
        try:
            await until(lambda: self.pc.connectionState == "connected", "the peer connects", 30)
        except AssertionError as error:
            dtls = {each.sender.transport for each in self.pc.getTransceivers()}
            at = ", ".join(f"ICE {each.transport.state}, DTLS {each.state}" for each in dtls)
            raise NotConnected(f"{error} ({at})") from None

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

    def __init__(self, deployment: Node, media: Media | None = None) -> None:
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
