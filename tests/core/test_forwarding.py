"""The built module forwards real SRTP over real sockets."""

import select
import struct

import pytest

from sfu._core import AddressValidated, Core, DtlsReceived, NotShowable, Shown, TrackActive
from sfu.media import PeerMedia, SenderConfig
from tests.core.client import (
    OPUS,
    PUBLISHER,
    VIEWER,
    Client,
    rtp,
    vp8_payload,
    wait_for_counter,
    wait_for_event,
    watched,
)

PROFILES = ["SRTP_AEAD_AES_128_GCM", "SRTP_AES128_CM_SHA1_80"]


def send_video(client: Client, index: int, *, size: int = 200) -> None:
    payload = vp8_payload(picture=index, keyframe=index == 0, size=size)
    client.send_rtp(
        rtp(ssrc=7, payload_type=96, sequence=500 + index, timestamp=index * 3_000, payload=payload, marker=True)
    )


@pytest.mark.parametrize("profile", PROFILES)
def test_what_alice_publishes_bob_gets(core: Core, profile: str) -> None:
    with watched(core, profile=profile) as (alice, bob):
        core.show(bob.peer, "1", (alice.peer, "1"))
        for index in range(50):
            send_video(alice, index)
        voice = rtp(ssrc=9, payload_type=111, sequence=3, timestamp=9, payload=b"\xf8voice")
        alice.send_rtp(voice)
        got = [bob.receive_rtp() for _ in range(51)]
        video = [packet for packet in got if packet.ssrc == 100]
        first = video[0].sequence
        assert [packet.sequence - first for packet in video] == list(range(50))
        assert [packet.payload_type for packet in got if packet.ssrc == 200] == [111]


def test_events_tell_the_story_in_order(core: Core) -> None:
    with watched(core) as (alice, bob):
        send_video(alice, 0)
        events = wait_for_event(core, lambda event: isinstance(event, Shown))
        host, port = alice.socket.getsockname()
        assert events == [
            AddressValidated(alice.peer, host, port),
            AddressValidated(bob.peer, *bob.socket.getsockname()),
            TrackActive(alice.peer, "0", "VP8"),
            Shown(bob.peer, "0", alice.peer, "0"),
        ]


def test_no_python_runs_per_media_packet(core: Core) -> None:
    with watched(core) as (alice, bob):
        send_video(alice, 0)
        wait_for_event(core, lambda event: isinstance(event, Shown))
        before = core.counters()
        for index in range(1, 1_001):
            send_video(alice, index)
            bob.receive_rtp()
        wait_for_counter(core, "rtp_out", 1_001)
        after = core.counters()
        assert after["rtp_in"] - before["rtp_in"] == 1_000
        assert after["python_wakeups"] == before["python_wakeups"]
        assert core.events() == []


def test_a_lost_packet_is_sent_again_as_rtx(core: Core) -> None:
    with watched(core) as (alice, bob):
        for index in range(5):
            send_video(alice, index)
        got = [bob.receive_rtp() for _ in range(5)]
        lost = got[2]
        bob.send_rtcp(struct.pack("!BBHLLHH", 0x81, 205, 3, 1, 100, lost.sequence, 0))
        again = bob.receive_rtp()
        assert (again.ssrc, again.payload_type) == (101, 97)
        assert again.payload == struct.pack("!H", lost.sequence) + lost.payload


def test_a_picture_loss_reaches_the_publisher(core: Core) -> None:
    with watched(core) as (alice, bob):
        send_video(alice, 0)
        bob.receive_rtp()
        bob.send_rtcp(struct.pack("!BBHLL", 0x81, 206, 2, 1, 100))
        assert struct.unpack("!L", alice.receive_rtcp(206)[8:12]) == (7,)


def test_dtls_passes_both_ways_and_only_from_a_validated_address(core: Core) -> None:
    with Client.add(core, "alice") as alice:
        alice.socket.send(b"\x16early")
        wait_for_counter(core, "strangers", 1)
        alice.check()
        wait_for_event(core, lambda event: isinstance(event, AddressValidated))
        alice.socket.send(b"\x16hello")
        readable, _, _ = select.select([core.fileno()], [], [], 5)
        assert readable
        assert core.events() == [DtlsReceived(alice.peer, [b"\x16hello"])]
        core.send_dtls(alice.peer, b"\x16answer")
        assert alice.receive(lambda datagram: datagram[0] == 22) == b"\x16answer"


def test_a_seat_without_the_codec_is_told(core: Core) -> None:
    sender = SenderConfig(
        mid="0", kind="video", ssrc=100, rtx_ssrc=None, cname="seat", codecs=(OPUS,), transport_cc=False
    )
    media = PeerMedia(tracks=(), senders=(sender,), extensions=VIEWER.extensions, transport_cc=False, rtcp_ssrc=1)
    with Client.add(core, "alice") as alice, Client.add(core, "bob") as bob:
        alice.connect(PUBLISHER)
        bob.connect(media)
        core.show(bob.peer, "0", (alice.peer, "0"))
        send_video(alice, 0)
        events = wait_for_event(core, lambda event: isinstance(event, NotShowable))
        assert events[-1] == NotShowable(bob.peer, "0", alice.peer, "0")


def test_statistics_and_levels_tell_what_flowed(core: Core) -> None:
    with watched(core) as (alice, bob):
        for index in range(10):
            send_video(alice, index)
            bob.receive_rtp()
        publisher, viewer = core.stats()
        assert publisher.address == alice.socket.getsockname()
        assert (publisher.worker, publisher.tracks[0].codec, publisher.tracks[0].packets) == (0, "VP8", 10)
        layer = publisher.tracks[0].layers[0]
        assert (layer.ssrc, layer.packets, layer.active, layer.taken) == (7, 10, True, True)
        assert (viewer.senders[0].layer, viewer.senders[0].packets) == (0, 10)
        assert viewer.senders[1].layer is None
        assert core.levels() == []
