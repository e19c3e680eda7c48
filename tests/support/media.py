"""Media without a node: an agent's peer against a stock aiortc connection in the same process.

`Far` is the other end: it answers the peer's offers, sends the tracks it is given on the peer's seats, and hands out
what the peer sends.  Real ICE, DTLS, SRTP and codecs; only the forwarding is missing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)

from agents import hardening
from agents.peer import Peer
from agents.tracks import ClipAudio, ClipVideo
from tests.support.eventually import eventually

SAMPLES = Path(__file__).parents[2] / "media-samples"
VP8_CLIP = SAMPLES / "count-vp8-opus.webm"
H264_CLIP = SAMPLES / "count-h264-aac.mp4"
SPEECH_CLIP = SAMPLES / "speech.opus"


class Far:
    """The other end of a peer."""

    def __init__(self) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))

    async def answer(self, offer: str, sending: Sequence[MediaStreamTrack] = ()) -> str:
        """Take an offer; `sending` goes out on the first seats' m-lines of each kind."""
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=offer, type="offer"))
        for track in sending:
            self._send(track)
        await self.connection.setLocalDescription(await self.connection.createAnswer())
        return str(self.connection.localDescription.sdp)

    def receiver(self, kind: str) -> RTCRtpReceiver:
        """What gets the peer's track of that kind."""
        for transceiver in self.connection.getTransceivers():
            if transceiver.kind == kind and transceiver.receiver.track is not None:
                return transceiver.receiver
        raise AssertionError(f"the peer sends no {kind}")

    async def is_connected(self) -> bool:
        """Whether media flows from here, too."""
        return bool(self.connection.connectionState == "connected")

    async def ask_for_keyframe(self) -> None:
        """A PLI for the peer's picture."""
        receiver = self.receiver("video")
        (ssrc,) = [source.source for source in receiver.getSynchronizationSources()]
        await receiver._send_rtcp_pli(ssrc)

    def _send(self, track: MediaStreamTrack) -> None:
        transceivers: list[Any] = self.connection.getTransceivers()
        for transceiver in transceivers:
            free = transceiver.kind == track.kind and transceiver.sender.track is None
            if free and transceiver.receiver.track is None:
                sender: Any = transceiver.sender
                sender.replaceTrack(track)
                transceiver.direction = "sendonly"
                hardening.correct_reports(sender, getattr(track, "wall_clock", None))
                if isinstance(track, ClipVideo):
                    # An answerer's preferences come too late in aiortc; the first codec is the one it sends.
                    transceiver._codecs.sort(key=lambda codec: codec.name != track.codec)
                    hardening.on_keyframe_request(sender, track.request_keyframe)
                elif isinstance(track, ClipAudio):
                    hardening.carry_level(sender, lambda: track.level)
                return
        raise AssertionError("the peer has no seat left")


@asynccontextmanager
async def joined(peer: Peer, sending: Sequence[MediaStreamTrack] = ()) -> AsyncIterator[Far]:
    """`peer` connected to a far end; both are closed after."""
    far = Far()
    try:
        await peer.apply(await far.answer(await peer.offer(), sending))
        await peer.connected()
        await eventually(far.is_connected, "the far end is connected")
        yield far
    finally:
        await peer.close()
        await far.connection.close()
