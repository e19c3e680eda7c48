"""The built module hands packets over between its workers: real threads, real sockets."""

import itertools
import struct
from collections.abc import Iterator

import pytest

from sfu._core import Core, NotShowable, Shown
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
)


@pytest.fixture
def core() -> Iterator[Core]:
    core = Core(host="127.0.0.1", udp_port=0, workers=3)
    yield core
    core.close()


def send_video(client: Client, index: int, *, keyframe: bool = False) -> None:
    payload = vp8_payload(picture=index, keyframe=keyframe or index == 0)
    client.send_rtp(
        rtp(ssrc=7, payload_type=96, sequence=500 + index, timestamp=index * 3_000, payload=payload, marker=True)
    )


def settle(core: Core) -> None:
    """Until workers know what others want of them: posted by the first answer of each, read by the second."""
    core.stats()
    core.stats()


def test_every_packet_reaches_viewers_on_every_worker(core: Core) -> None:
    with (
        Client.add(core, "alice", worker=1) as alice,
        Client.add(core, "bob", worker=0) as bob,
        Client.add(core, "carol", worker=1) as carol,
        Client.add(core, "dave", worker=2) as dave,
    ):
        viewers = (bob, carol, dave)
        alice.connect(PUBLISHER)
        for viewer in viewers:
            viewer.connect(VIEWER)
            core.show(viewer.peer, "0", (alice.peer, "0"))
            core.show(viewer.peer, "1", (alice.peer, "1"))
        settle(core)
        assert len(set(core.ports)) == 3
        alice.send_rtp(rtp(ssrc=9, payload_type=111, sequence=3, timestamp=9, payload=b"\xf8voice"))
        got = [[viewer.receive_rtp()] for viewer in viewers]
        for index in range(200):
            send_video(alice, index)
            if index % 50 == 49:  # more would not fit a socket's buffer
                for packets, viewer in zip(got, viewers, strict=True):
                    packets += [viewer.receive_rtp() for _ in range(50)]
        for voice, *video in got:
            assert (voice.ssrc, voice.payload) == (200, b"\xf8voice")
            assert [packet.sequence - video[0].sequence for packet in video] == list(range(200))
        counters = core.counters()
        assert (counters["relayed_in"], counters["relayed_out"], counters["relay_dropped"]) == (402, 402, 0)


def test_what_a_viewer_elsewhere_misses_wants_and_shows_is_known(core: Core) -> None:
    with Client.add(core, "alice", worker=0) as alice, Client.add(core, "bob", worker=1) as bob:
        alice.connect(PUBLISHER)
        bob.connect(VIEWER)
        core.show(bob.peer, "0", (alice.peer, "0"))
        settle(core)
        for index in range(5):
            send_video(alice, index)
        got = [bob.receive_rtp() for _ in range(5)]
        wait_for_event(core, lambda event: event == Shown(bob.peer, "0", alice.peer, "0"))
        lost = got[2]
        bob.send_rtcp(struct.pack("!BBHLLHH", 0x81, 205, 3, 1, 100, lost.sequence, 0))
        assert bob.receive_rtp().payload == struct.pack("!H", lost.sequence) + lost.payload
        bob.send_rtcp(struct.pack("!BBHLL", 0x81, 206, 2, 1, 100))
        assert struct.unpack("!L", alice.receive_rtcp(206)[8:12]) == (7,)
        publisher, viewer = core.stats()
        assert (publisher.worker, viewer.worker) == (0, 1)
        assert (publisher.tracks[0].layers[0].taken, viewer.senders[0].layer) == (True, 0)


def test_who_leaves_one_worker_silences_seats_of_another_and_the_next_source_is_shown(core: Core) -> None:
    with (
        Client.add(core, "alice", worker=0) as alice,
        Client.add(core, "bob", worker=1) as bob,
        Client.add(core, "carol", worker=2) as carol,
    ):
        for publisher in (alice, carol):
            publisher.connect(PUBLISHER)
        bob.connect(VIEWER)
        core.show(bob.peer, "0", (alice.peer, "0"))
        settle(core)
        send_video(alice, 0)
        first = bob.receive_rtp()
        core.remove_peer(alice.peer)
        core.show(bob.peer, "0", (carol.peer, "0"))
        settle(core)
        send_video(carol, 0)
        assert bob.receive_rtp().sequence == first.sequence + 1


def test_a_seat_elsewhere_without_the_codec_is_told(core: Core) -> None:
    sender = SenderConfig(
        mid="0", kind="video", ssrc=100, rtx_ssrc=None, cname="seat", codecs=(OPUS,), transport_cc=False
    )
    media = PeerMedia(tracks=(), senders=(sender,), extensions=VIEWER.extensions, transport_cc=False, rtcp_ssrc=1)
    with Client.add(core, "alice", worker=0) as alice, Client.add(core, "bob", worker=1) as bob:
        alice.connect(PUBLISHER)
        bob.connect(media)
        core.show(bob.peer, "0", (alice.peer, "0"))
        send_video(alice, 0)
        wait_for_event(core, lambda event: event == NotShowable(bob.peer, "0", alice.peer, "0"))


def test_the_cpu_time_of_each_worker_is_told(core: Core) -> None:
    with Client.add(core, "alice", worker=1) as alice:
        alice.connect(PUBLISHER)
        before = core.cpu_ns()
        indices = itertools.count()
        for index in itertools.islice(indices, 2_000):
            send_video(alice, index)
        wait_for_counter(core, "rtp_in", 1)
        while (after := core.cpu_ns())[1] == before[1]:
            send_video(alice, next(indices))
        assert len(after) == 3
        assert after[1] - before[1] > after[2] - before[2]


def test_statistics_of_many_peers_come_whole_though_they_are_taken_in_slices(core: Core) -> None:
    peers = {core.add_peer(index % 3, f"ufrag-{index:06}", "p" * 24) for index in range(2_000)}
    gone = {peer for peer in peers if peer % 5 == 0}
    for peer in gone:
        core.remove_peer(peer)
    told = [peer.peer for peer in core.stats()]
    assert len(told) == len(set(told))
    assert set(told) == peers - gone
