"""Our WebRTC connection to a node: what we send, and seats for what we get.

call → **peer** → aiortc → node

One connection, MAX_BUNDLE, and we always offer: a sendonly m-line for each track, then a recvonly audio and a
recvonly video m-line for each seat, known by mid and never by place.  STUN servers are not asked: the node is ICE-lite
and learns our address from the checks, so a server-reflexive candidate would only delay the offer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidAccessError, InvalidStateError, OperationError

from agents import hardening
from agents.errors import MediaError
from agents.seats import Relay
from agents.taken import Publishing
from agents.tap import Tap
from agents.tracks import ClipAudio, ClipVideo

FIRST_SEATS: Final = 4
MORE_SEATS: Final = 4
MAX_SEATS: Final = 48
CONNECT_WITHIN_S: Final = 10.0


class Peer:
    """One connection.  Owns its tracks, its relays and their tasks; `close` ends them."""

    def __init__(
        self,
        tracks: Sequence[MediaStreamTrack],
        *,
        seats: int = FIRST_SEATS,
        ice: Sequence[dict[str, Any]] = (),
        on_lost: Callable[[], None] = lambda: None,
    ) -> None:
        hardening.install()
        self._connection = RTCPeerConnection(
            RTCConfiguration(iceServers=_turn_servers(ice), bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self._on_lost = on_lost
        self._taps: dict[RTCRtpTransceiver, Tap] = {}
        self._relays: dict[RTCRtpTransceiver, Relay] = {}
        self._pictures: dict[RTCRtpTransceiver, Publishing] = {}
        self._readers: dict[RTCRtpTransceiver, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._was_connected = False
        self._connection.on("connectionstatechange", self._state_changed)
        self.senders = [self._send(track) for track in tracks]
        self.add_seats(seats)

    # Offer and answer.

    def add_seats(self, count: int) -> None:
        """Ask for more seats in the next offer."""
        for _ in range(count):
            for kind in ("audio", "video"):
                transceiver = self._add(kind, "recvonly")
                tap = self._taps[transceiver] = Tap(transceiver.receiver, kind)
                self._relays[transceiver] = Relay(tap)

    async def offer(self) -> str:
        """SDP with all candidates."""
        await self._connection.setLocalDescription(await self._connection.createOffer())
        return str(self._connection.localDescription.sdp)

    async def apply(self, sdp: str) -> None:
        """The node's answer.  Seats' receivers are read from now on."""
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        except (ValueError, OperationError, InvalidStateError, InvalidAccessError) as error:
            raise MediaError(f"the node's answer does not fit our offer: {error}") from None
        for transceiver, relay in self._relays.items():
            track = transceiver.receiver.track
            if track is not None and transceiver not in self._readers:
                self._readers[transceiver] = asyncio.get_running_loop().create_task(relay.run(track))

    def relay(self, mid: str) -> Relay | None:
        """The relay of a seat's m-line."""
        return next((relay for transceiver, relay in self._relays.items() if transceiver.mid == mid), None)

    def labels(self) -> dict[str, dict[str, object]]:
        """What the m-lines we send are."""
        source = {"audio": "microphone", "video": "camera"}
        sending = [t for t in self._connection.getTransceivers() if t.direction == "sendonly"]
        return {t.mid: {"source": source[t.kind], "muted": False} for t in sending if t.mid is not None}

    def take_layers(self, taken: Mapping[str, Sequence[str]] | None) -> None:
        """Send the pictures that somebody takes, by their m-lines' layers, and stop the others; of None, send all."""
        for transceiver, picture in self._pictures.items():
            rids = None if taken is None else taken.get(transceiver.mid or "")
            if taken is None or rids is not None:
                picture.take(taken=taken is None or bool(rids))

    # The connection.

    async def connected(self) -> None:
        """Wait for ICE and DTLS."""
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                while self.state != "connected":
                    if self.state in ("failed", "closed"):
                        raise MediaError("no media connection to the node: ICE or DTLS failed")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise MediaError(f"no media connection to the node within {CONNECT_WITHIN_S:g} s") from None

    @property
    def state(self) -> str:
        """aiortc's connection state."""
        return str(self._connection.connectionState)

    async def close(self) -> None:
        """End the connection and everything on it; again is harmless."""
        self._on_lost = lambda: None
        for reader in self._readers.values():
            reader.cancel()
        await asyncio.gather(*self._readers.values(), return_exceptions=True)
        await self._connection.close()

    def let_go(self) -> None:
        """Give the tracks we send back, to be sent over another connection: closing would end them."""
        for sender in self.senders:
            sender.replaceTrack(None)

    async def sent(self) -> dict[str, int]:
        """RTP packets that went out, by kind."""
        packets: dict[str, int] = {}
        for sender in self.senders:
            for report in (await sender.getStats()).values():
                if report.type == "outbound-rtp":
                    packets[sender.kind] = packets.get(sender.kind, 0) + report.packetsSent
        return packets

    def _state_changed(self) -> None:
        self._changed.set()
        if self.state == "connected":
            self._was_connected = True
        elif self.state in ("failed", "closed") and self._was_connected:
            self._on_lost()

    def _send(self, track: MediaStreamTrack) -> RTCRtpSender:
        transceiver = self._add(track, "sendonly")
        sender: RTCRtpSender = transceiver.sender
        hardening.correct_reports(sender, track.wall_clock if isinstance(track, ClipAudio | ClipVideo) else None)
        if isinstance(track, ClipVideo):
            _prefer(transceiver, f"video/{track.codec}")
            hardening.on_keyframe_request(sender, track.request_keyframe)
            track.take(taken=True)
            self._pictures[transceiver] = track
        elif isinstance(track, ClipAudio):
            hardening.carry_level(sender, lambda: track.level)
        elif track.kind == "video":
            self._pictures[transceiver] = hardening.Encoded(sender)
        if track.kind == "audio":
            _prefer(transceiver, "audio/opus")
        return sender

    def _add(self, what: MediaStreamTrack | str, direction: str) -> RTCRtpTransceiver:
        first = not self._connection.getTransceivers()
        transceiver: RTCRtpTransceiver = self._connection.addTransceiver(what, direction=direction)
        if first:  # all share its transport
            hardening.route_retransmissions(transceiver.receiver.transport)
        return transceiver


def _prefer(transceiver: RTCRtpTransceiver, mime: str) -> None:
    """Send in this codec and no other.  Of H.264's profiles, 42e01f is the one that browsers share."""
    capabilities = RTCRtpSender.getCapabilities(transceiver.kind).codecs
    codecs = [codec for codec in capabilities if codec.mimeType.lower() == mime.lower()]
    if mime == "video/H264":
        codecs = [codec for codec in codecs if codec.parameters.get("profile-level-id") == "42e01f"]
    transceiver.setCodecPreferences(codecs + [codec for codec in capabilities if codec.name == "rtx"])


def _turn_servers(ice: Sequence[dict[str, Any]]) -> list[RTCIceServer]:
    """The relays among the room's ICE servers; aiortc takes the first."""
    return [
        RTCIceServer(url, username=server.get("username"), credential=server.get("credential"))
        for server in ice
        for url in _urls(server)
        if url.startswith(("turn:", "turns:"))
    ]


def _urls(server: dict[str, Any]) -> list[str]:
    urls = server.get("urls")
    return [urls] if isinstance(urls, str) else [url for url in urls or [] if isinstance(url, str)]
