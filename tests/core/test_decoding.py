"""What a viewer gets is decoded: layers change, and a decoder sees one stream without a break."""

from __future__ import annotations

import select
import struct
import time

import pytest

from sfu._core import Core
from sfu.media import Codec, Extensions, Layer, PeerMedia, SenderConfig, TrackConfig
from tests.core.client import Client, is_rtcp, parse_rtp, rtp
from tests.core.footage import FPS, TICKS, WAYS, Camera, Screen, Way

SIZES = ((160, 96, 100), (320, 192, 300))
"""Width, height and kbit/s of each layer."""
SSRCS = (11, 12)
STEADY_S = 1.6
"""A layer that has just begun is gone up to after this."""
SWITCHES = 8
SWITCH_EVERY = 14
"""Frames.  A layer is asked for a keyframe once a second at most, and each is every second time."""
PLI, PSFB = 1, 206


def codec(way: Way) -> Codec:
    return Codec(
        payload_type=96, name=way.name, key=way.key, clock_rate=90_000, rtx_payload_type=97, nack=True, pli=True
    )


def publisher(way: Way) -> PeerMedia:
    layers = tuple(Layer(rid=rid, ssrc=ssrc, rtx_ssrc=None) for rid, ssrc in zip("qf", SSRCS, strict=True))
    track = TrackConfig(mid="0", kind="video", codecs=(codec(way),), layers=layers)
    return PeerMedia(tracks=(track,), senders=(), extensions=Extensions(mid=1), transport_cc=False, rtcp_ssrc=1)


def viewer(way: Way) -> PeerMedia:
    sender = SenderConfig(
        mid="0", kind="video", ssrc=100, rtx_ssrc=101, cname="seat", codecs=(codec(way),), transport_cc=False
    )
    return PeerMedia(tracks=(), senders=(sender,), extensions=Extensions(mid=1), transport_cc=False, rtcp_ssrc=1)


class Publisher:
    """Sends all layers' frames, with a keyframe where one is asked for."""

    def __init__(self, client: Client, way: Way) -> None:
        self._client = client
        self._cameras = [Camera(way, width=width, height=height, kbps=kbps) for width, height, kbps in SIZES]
        self._sequences = [100, 40_000]
        self._wanted = {0, 1}
        self._frames = 0

    def send(self) -> None:
        """The next frame of each layer."""
        self._hear()
        for layer, camera in enumerate(self._cameras):
            payloads = camera.frame(keyframe=layer in self._wanted)
            for index, payload in enumerate(payloads):
                packet = rtp(
                    ssrc=SSRCS[layer],
                    payload_type=96,
                    sequence=self._sequences[layer],
                    timestamp=self._frames * TICKS + layer * 1_000_000,
                    payload=payload,
                    marker=index == len(payloads) - 1,
                )
                self._client.send_rtp(packet)
                self._sequences[layer] += 1
        self._wanted.clear()
        self._frames += 1

    def _hear(self) -> None:
        for datagram in waiting(self._client):
            if not is_rtcp(datagram):
                continue
            plain: bytes = self._client.opening.unprotect_rtcp(datagram)
            if plain[1] == PSFB and plain[0] & 0x1F == PLI:
                (ssrc,) = struct.unpack("!L", plain[8:12])
                self._wanted.add(SSRCS.index(ssrc))


def waiting(client: Client) -> list[bytes]:
    """What has come by now."""
    datagrams = []
    while select.select([client.socket], [], [], 0)[0]:
        datagrams.append(client.socket.recv(2_000))
    return datagrams


class Frames:
    """The viewer's packets as whole frames, in order of their numbers; a gap among these is an error."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._next: int | None = None
        self._open: list[bytes] = []

    def take(self) -> list[list[bytes]]:
        frames = []
        for datagram in waiting(self._client):
            if is_rtcp(datagram):
                continue
            plain = self._client.opening.unprotect(datagram)
            packet = parse_rtp(plain)
            assert self._next in (None, packet.sequence), "numbers go on by one"
            self._next = (packet.sequence + 1) & 0xFFFF
            self._open.append(packet.payload)
            if plain[1] & 0x80:
                frames.append(self._open)
                self._open = []
        return frames


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_decoder_sees_one_unbroken_stream_over_many_switches(core: Core, way: Way) -> None:
    with Client.add(core, "alice") as alice, Client.add(core, "bob") as bob:
        alice.connect(publisher(way))
        bob.connect(viewer(way))
        core.show(bob.peer, "0", (alice.peer, "0"))
        source, frames, screen = Publisher(alice, way), Frames(bob), Screen(way)
        heights: list[int] = []
        sent = decoded = 0
        begins = time.monotonic()
        for number in range(int(STEADY_S * FPS) + SWITCHES * SWITCH_EVERY):
            switched = number - int(STEADY_S * FPS)
            if switched >= 0 and switched % SWITCH_EVERY == 0:
                wanted = SIZES[1][1] if (switched // SWITCH_EVERY) % 2 == 0 else SIZES[0][1]
                core.set_view(bob.peer, "0", wanted, 100)
            source.send()
            time.sleep(max(0.0, begins + (number + 1) / FPS - time.monotonic()))
            for frame in frames.take():
                sent += 1
                shown = screen.show(frame)
                decoded += len(shown)
                heights += shown
        changes = [height for before, height in zip([0, *heights], heights, strict=False) if height != before]
        assert decoded == sent, "every frame is decoded"
        assert len(changes) >= SWITCHES, changes
        assert set(changes) == {SIZES[0][1], SIZES[1][1]}
