"""The load engine's endpoints in calls with a real core, over real sockets."""

import select
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, pairwise

import pytest

from agents.load.media import EndpointMedia, LoadClip, LoadFrame, ReceivedTrack, SentLayer, SentTrack
from sfu._core import (
    AddressValidated,
    Core,
    DtlsReceived,
    EndpointConnected,
    EndpointDtls,
    FirstMedia,
    LoadEngine,
    LoadEvent,
    LoadSnapshot,
)
from sfu.media import Codec, Extensions, Layer, PeerMedia, SenderConfig, TrackConfig
from tests.core.client import GCM, OPUS, PASSWORD, PATIENCE_S, VP8

EXTENSIONS = Extensions(mid=1, rid=2, repaired_rid=3, transport_cc=4, audio_level=5)
H264 = Codec(
    payload_type=102,
    name="H264",
    key="H264/packetization-mode=1/profile=42e0",
    clock_rate=90_000,
    rtx_payload_type=103,
    nack=True,
    pli=True,
)
VIDEO = LoadClip(
    kind="video",
    codec="VP8",
    clock_rate=90_000,
    frames=tuple(
        LoadFrame(at_ms=i * 33.3, keyframe=i == 0, data=bytes([i != 0]) * (5_000 if i == 0 else 2_000))
        for i in range(30)
    ),
)
SOUND = LoadClip(
    kind="audio",
    codec="opus",
    clock_rate=48_000,
    frames=tuple(LoadFrame(at_ms=i * 20, keyframe=True, data=bytes([i]) * 80) for i in range(50)),
)

CAMERA = SentTrack(
    mid="v",
    kind="video",
    payload_type=96,
    rtx_payload_type=97,
    layers=(SentLayer(rid=None, ssrc=7, rtx_ssrc=8, clip=0),),
    offset_ms=0,
)
MICROPHONE = SentTrack(
    mid="a",
    kind="audio",
    payload_type=111,
    rtx_payload_type=None,
    layers=(SentLayer(rid=None, ssrc=9, rtx_ssrc=None, clip=1),),
    offset_ms=10,
)
SEAT = (
    ReceivedTrack(
        mid="sv",
        kind="video",
        ssrc=None,
        rtx_ssrc=None,
        payload_types=(96, 102),
        clock_rate=90_000,
        rtx_payload_types=(97, 103),
        nack=True,
        pli=True,
    ),
    ReceivedTrack(
        mid="sa",
        kind="audio",
        ssrc=200,
        rtx_ssrc=None,
        payload_types=(111,),
        clock_rate=48_000,
        rtx_payload_types=(),
        nack=False,
        pli=False,
    ),
)
SENDS = EndpointMedia(sends=(CAMERA, MICROPHONE), receives=(), extensions=EXTENSIONS, rtcp_ssrc=1)
RECEIVES = EndpointMedia(sends=(), receives=SEAT, extensions=EXTENSIONS, rtcp_ssrc=1)


def peer_media(media: EndpointMedia, video: Codec = VP8) -> PeerMedia:
    """The same agreement as the server is told it."""
    codecs = {"video": (video,), "audio": (OPUS,)}
    tracks = tuple(
        TrackConfig(
            mid=track.mid,
            kind=track.kind,
            codecs=codecs[track.kind],
            layers=tuple(Layer(rid=layer.rid, ssrc=None, rtx_ssrc=None) for layer in track.layers),
        )
        for track in media.sends
    )
    senders = tuple(
        SenderConfig(
            mid=track.mid,
            kind=track.kind,
            ssrc=100 if track.kind == "video" else 200,
            rtx_ssrc=101 if track.kind == "video" else None,
            cname="seat",
            codecs=codecs[track.kind],
            transport_cc=True,
        )
        for track in media.receives
    )
    return PeerMedia(tracks=tracks, senders=senders, extensions=EXTENSIONS, transport_cc=True, rtcp_ssrc=2)


class Call:
    """An engine's endpoints at a core; keys are shared by hand."""

    def __init__(self, core: Core, engine: LoadEngine) -> None:
        self.core, self.engine = core, engine
        self.peers: dict[int, int] = {}
        self.numbers = count()
        self.seen: list[LoadEvent] = []

    def connect(self, *, loss: float = 0.0, delay_ms: float = 0.0, host: str = "127.0.0.1") -> int:
        ufrag = f"ufrag{next(self.numbers):05}"
        peer = self.core.add_peer(0, ufrag, PASSWORD)
        endpoint = self.engine.add_endpoint(
            local_ufrag="mine",
            local_password=PASSWORD,
            remote_ufrag=ufrag,
            remote_password=PASSWORD,
            remote=(host, self.core.ports[0]),
            loss=loss,
            delay_ms=delay_ms,
        )
        self.peers[endpoint] = peer
        return endpoint

    def agree(self, endpoint: int, media: EndpointMedia, video: Codec = VP8) -> None:
        peer = self.peers[endpoint]
        theirs, ours = (bytes([peer % 250]) * 16, b"a" * 12), (bytes([peer % 250 + 1]) * 16, b"b" * 12)
        self.core.set_media(peer, peer_media(media, video))
        self.core.set_keys(peer, GCM, *ours, *theirs)
        self.engine.set_media(endpoint, media)
        self.engine.set_keys(endpoint, GCM, *theirs, *ours)

    def join(self, media: EndpointMedia, *, video: Codec = VP8, loss: float = 0.0, delay_ms: float = 0.0) -> int:
        endpoint = self.connect(loss=loss, delay_ms=delay_ms)
        self.agree(endpoint, media, video)
        return endpoint

    def show(self, receiver: int, publisher: int) -> None:
        for seat, track in (("sv", "v"), ("sa", "a")):
            self.core.show(self.peers[receiver], seat, (self.peers[publisher], track))

    def wait_for_event(self, wanted: Callable[[LoadEvent], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not any(wanted(event) for event in self.seen):
            select.select([self.engine.fileno()], [], [], PATIENCE_S)
            self.seen += self.engine.events()
            assert time.monotonic() < deadline, f"only {self.seen}"

    def wait_until(self, holds: Callable[[LoadSnapshot], bool], patience_s: float = 4 * PATIENCE_S) -> LoadSnapshot:
        deadline = time.monotonic() + patience_s
        while not holds(snapshot := self.engine.snapshot()):
            assert time.monotonic() < deadline, describe(snapshot)
            time.sleep(0.01)
        return snapshot


def describe(snapshot: LoadSnapshot) -> str:
    return str({name: getattr(snapshot, name) for name in dir(snapshot) if not name.startswith("_")})


@pytest.fixture
def engine() -> Iterator[LoadEngine]:
    engine = LoadEngine(seed=3, check_every=4)
    yield engine
    engine.close()


@pytest.fixture
def call(core: Core, engine: LoadEngine) -> Call:
    engine.add_clip(VIDEO)
    engine.add_clip(SOUND)
    return Call(core, engine)


def test_what_one_publishes_three_get_whole_in_order_and_intact(call: Call) -> None:
    publisher = call.join(SENDS)
    for _ in range(3):
        call.show(call.join(RECEIVES), publisher)
    snapshot = call.wait_until(lambda it: it.packets_received >= 600)
    faults = {
        name: getattr(snapshot, name)
        for name in ("duplicated", "out_of_order", "corrupt", "replayed_or_forged", "unmapped", "lost", "send_dropped")
    }
    assert not any(faults.values()), faults
    assert snapshot.expected == snapshot.packets_received
    assert snapshot.checked > 100
    assert snapshot.frames_received > 20
    assert 0 < snapshot.delay_us.quantile(0.5) < 1e6
    assert snapshot.delay_us.count <= snapshot.checked
    assert 0 < snapshot.frame_delay_us.count < snapshot.delay_us.count
    assert snapshot.late_us.count == snapshot.packets_sent
    assert snapshot.thread_cpu_ns > 0
    assert snapshot.wakeups > 0


def test_the_first_packet_of_each_m_line_is_told_with_its_time(call: Call) -> None:
    before = time.monotonic_ns()
    publisher, receiver = call.join(SENDS), call.join(RECEIVES)
    call.show(receiver, publisher)
    call.wait_for_event(lambda event: isinstance(event, FirstMedia) and event.mid == "sv")
    call.wait_for_event(lambda event: isinstance(event, FirstMedia) and event.mid == "sa")
    after = time.monotonic_ns()
    for event in call.seen:
        match event:
            case EndpointConnected(endpoint, at_ns):
                assert endpoint in {publisher, receiver}
            case FirstMedia(endpoint, _, at_ns):
                assert endpoint == receiver
            case other:
                pytest.fail(f"{other}")
        assert before <= at_ns <= after
    stats = {it.endpoint: it for it in call.engine.endpoint_stats()}
    first = stats[receiver].first_media_ns
    assert first is not None
    assert before <= first <= after
    assert stats[publisher].first_media_ns is None
    assert (stats[receiver].rtt_us or 0) > 0


def test_what_a_lossy_link_drops_comes_again_by_rtx(call: Call) -> None:
    publisher = call.join(SENDS)
    for _ in range(3):
        call.show(call.join(RECEIVES, loss=0.05, delay_ms=5), publisher)
    snapshot = call.wait_until(lambda it: it.recovered >= 20)
    assert snapshot.emulated_drops > 0
    assert snapshot.nacks_sent >= snapshot.recovered
    assert snapshot.corrupt == 0
    assert snapshot.delay_us.min >= 5_000


def test_a_keyframe_is_made_when_the_server_asks_for_one(call: Call) -> None:
    rare = LoadFrame(at_ms=0, keyframe=True, data=bytes(5_000))
    others = tuple(LoadFrame(at_ms=i * 33.3, keyframe=False, data=b"\1" * 2_000) for i in range(1, 600))
    layer = SentLayer(rid=None, ssrc=7, rtx_ssrc=8, clip=call.engine.add_clip(replace(VIDEO, frames=(rare, *others))))
    publisher = call.join(replace(SENDS, sends=(replace(CAMERA, layers=(layer,)), MICROPHONE)))
    first = call.join(RECEIVES)
    call.show(first, publisher)
    # The server starts who comes within 0.3 s of a keyframe with that one.
    call.wait_until(lambda it: it.frames_received > 20)
    late = call.join(RECEIVES)
    call.show(late, publisher)
    call.wait_until(lambda it: it.keyframe_requests_received > 0)
    call.wait_for_event(lambda event: isinstance(event, FirstMedia) and event.endpoint == late and event.mid == "sv")


def test_layers_of_simulcast_reach_the_server_under_their_rids(call: Call) -> None:
    low = call.engine.add_clip(replace(VIDEO, frames=tuple(replace(f, data=f.data[:300]) for f in VIDEO.frames)))
    layers = (
        SentLayer(rid="low", ssrc=20, rtx_ssrc=21, clip=low),
        SentLayer(rid="high", ssrc=30, rtx_ssrc=31, clip=0),
    )
    publisher = call.join(replace(SENDS, sends=(replace(CAMERA, layers=layers), MICROPHONE)))
    receiver = call.join(RECEIVES)
    call.show(receiver, publisher)
    call.wait_until(lambda it: it.frames_received > 10)
    of_publisher = next(it for it in call.core.stats() if it.peer == call.peers[publisher])
    video = next(track for track in of_publisher.tracks if track.mid == "v")
    assert [(layer.rid, layer.ssrc) for layer in video.layers] == [("low", 20), ("high", 30)]
    assert all(layer.packets > 0 for layer in video.layers)


def test_layers_that_nobody_takes_stop_and_begin_again_with_a_keyframe(call: Call) -> None:
    rare = tuple(replace(frame, keyframe=index == 0) for index, frame in enumerate(VIDEO.frames * 20))
    rare = tuple(replace(frame, at_ms=index * 33.3) for index, frame in enumerate(rare))
    high = call.engine.add_clip(replace(VIDEO, frames=rare))
    low = call.engine.add_clip(replace(VIDEO, frames=tuple(replace(f, data=f.data[:300]) for f in VIDEO.frames)))
    layers = (
        SentLayer(rid="low", ssrc=20, rtx_ssrc=21, clip=low),
        SentLayer(rid="high", ssrc=30, rtx_ssrc=31, clip=high),
    )
    publisher = call.join(replace(SENDS, sends=(replace(CAMERA, layers=layers), MICROPHONE)))
    receiver = call.join(RECEIVES)
    call.show(receiver, publisher)
    call.engine.set_layers(publisher, "v", ["low"])
    call.wait_until(lambda it: it.frames_received > 10)
    stood = packets_of(call, publisher)
    call.wait_until(lambda it: it.frames_received > 30)
    (few, some), (many, same) = stood, packets_of(call, publisher)
    assert many > few
    assert same == some
    call.engine.set_layers(publisher, "v", ["low", "high"])
    # The viewer goes up to it at a keyframe, and the clip's own comes but every 20 s.
    snapshot = call.wait_until(lambda _: shown_layer(call, receiver) == 1)
    assert (snapshot.freezes, snapshot.corrupt, snapshot.lost) == (0, 0, 0)
    with pytest.raises(KeyError):
        call.engine.set_layers(receiver, "v", [])


def packets_of(call: Call, publisher: int) -> list[int]:
    """Of each layer of its video, as the server has counted them."""
    numbers = next(it for it in call.core.stats() if it.peer == call.peers[publisher])
    return [layer.packets for layer in next(track for track in numbers.tracks if track.mid == "v").layers]


def shown_layer(call: Call, receiver: int) -> int | None:
    numbers = next(it for it in call.core.stats() if it.peer == call.peers[receiver])
    return next(sender.layer for sender in numbers.senders if sender.mid == "sv")


def test_h264_goes_the_same_way(call: Call) -> None:
    def access_unit(index: int) -> bytes:
        start = b"\0\0\0\1"
        if index:
            return start + b"\x41\x9a" + bytes([7]) * 2_000
        return start + b"\x67\x42\xe0\x1f" + start + b"\x68\xce\x3c" + start + b"\x65\x88" + bytes([9]) * 5_000

    frames = tuple(replace(frame, data=access_unit(index)) for index, frame in enumerate(VIDEO.frames))
    clip = call.engine.add_clip(replace(VIDEO, codec="H264", frames=frames))
    layer = SentLayer(rid=None, ssrc=7, rtx_ssrc=8, clip=clip)
    camera = replace(CAMERA, payload_type=102, rtx_payload_type=103, layers=(layer,))
    publisher = call.join(replace(SENDS, sends=(camera, MICROPHONE)), video=H264)
    call.show(call.join(RECEIVES, video=H264), publisher)
    snapshot = call.wait_until(lambda it: it.frames_received > 20)
    assert (snapshot.corrupt, snapshot.lost) == (0, 0)


def test_dtls_passes_both_ways(call: Call) -> None:
    endpoint = call.connect()
    call.wait_for_event(lambda event: isinstance(event, EndpointConnected))
    call.engine.send_dtls(endpoint, b"\x16hello")
    events = wait_for_core(call.core, DtlsReceived)
    assert DtlsReceived(call.peers[endpoint], [b"\x16hello"]) in events
    call.core.send_dtls(call.peers[endpoint], b"\x16answer")
    call.wait_for_event(lambda event: event == EndpointDtls(endpoint, [b"\x16answer"]))


def wait_for_core(core: Core, kind: type) -> list[object]:
    seen: list[object] = []
    deadline = time.monotonic() + PATIENCE_S
    while not any(isinstance(event, kind) for event in seen):
        select.select([core.fileno()], [], [], PATIENCE_S)
        seen += core.events()
        assert time.monotonic() < deadline, f"only {seen}"
    return seen


def test_two_thousand_endpoints_share_a_socket_and_each_has_an_address(call: Call) -> None:
    endpoints = [call.connect() for _ in range(2_000)]
    connected: set[int] = set()
    addresses: set[tuple[str, int]] = set()
    deadline = time.monotonic() + 4 * PATIENCE_S
    while len(connected) < len(endpoints) or len(addresses) < len(endpoints):
        assert time.monotonic() < deadline, (len(connected), len(addresses))
        select.select([call.engine.fileno(), call.core.fileno()], [], [], 1)
        connected |= {event.endpoint for event in call.engine.events() if isinstance(event, EndpointConnected)}
        addresses |= {(event.host, event.port) for event in call.core.events() if isinstance(event, AddressValidated)}
    assert len({port for _, port in addresses}) == 1


def test_off_loopback_addresses_each_endpoint_has_a_socket(engine: LoadEngine) -> None:
    core = Core(host="::1", udp_port=0, workers=1)
    try:
        engine.add_clip(VIDEO)
        engine.add_clip(SOUND)
        call = Call(core, engine)
        publisher, receiver = (call.connect(host="::1") for _ in range(2))
        call.agree(publisher, SENDS)
        call.agree(receiver, RECEIVES)
        call.show(receiver, publisher)
        snapshot = call.wait_until(lambda it: it.packets_received >= 100)
        assert (snapshot.lost, snapshot.corrupt) == (0, 0)
        engine.remove_endpoint(receiver)
        assert call.wait_until(lambda it: it.packets_received >= 100).packets_received >= 100
    finally:
        core.close()


def test_who_pauses_sends_nothing_and_goes_on_with_a_keyframe(call: Call) -> None:
    publisher, receiver = call.join(SENDS), call.join(RECEIVES)
    call.show(receiver, publisher)
    call.wait_until(lambda it: it.frames_received > 5)
    call.engine.set_sending(publisher, "v", False)
    call.engine.set_sending(publisher, "a", False)
    paused = call.engine.snapshot().packets_sent
    time.sleep(0.2)
    assert call.engine.snapshot().packets_sent == paused
    call.engine.set_sending(publisher, "v", True)
    snapshot = call.wait_until(lambda it: it.packets_sent >= paused + 5)
    assert snapshot.freezes == 0


def test_counts_begin_anew_and_those_of_removed_endpoints_stay(call: Call) -> None:
    publisher, receiver = call.join(SENDS), call.join(RECEIVES)
    call.show(receiver, publisher)
    call.wait_until(lambda it: it.packets_received > 20)
    for endpoint in (publisher, receiver):
        call.engine.remove_endpoint(endpoint)
    before = call.engine.snapshot()
    assert before.packets_received > 20
    assert call.engine.endpoint_stats() == []
    assert before.at_ns <= time.monotonic_ns()
    call.engine.reset()
    after = call.engine.snapshot()
    assert (after.packets_sent, after.packets_received, after.delay_us.count, after.late_us.count) == (0, 0, 0, 0)
    assert after.delay_us.quantile(0.99) == 0
    assert after.thread_cpu_ns < before.thread_cpu_ns


def test_a_histogram_is_consistent(call: Call) -> None:
    publisher = call.join(SENDS)
    call.show(call.join(RECEIVES, delay_ms=3), publisher)
    histogram = call.wait_until(lambda it: it.delay_us.count > 50).delay_us
    buckets = histogram.buckets()
    assert sum(count for _, count in buckets) == histogram.count
    assert all(low < high for (low, _), (high, _) in pairwise(buckets))
    quantiles = [histogram.quantile(q) for q in (0, 0.5, 0.9, 0.99, 1)]
    assert quantiles == sorted(quantiles)
    assert 3_000 <= histogram.min <= quantiles[0]
    assert quantiles[-1] <= histogram.max
    assert histogram.min <= histogram.mean <= histogram.max
    with pytest.raises(ValueError, match=r"quantile 1\.5 is not 0 to 1"):
        histogram.quantile(1.5)


FRAME = LoadFrame(at_ms=0, keyframe=True, data=b"x")


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        (replace(VIDEO, frames=()), "a clip needs a frame"),
        (replace(VIDEO, frames=(replace(FRAME, keyframe=False),)), "the first frame of a clip must be a keyframe"),
        (replace(VIDEO, frames=(FRAME, replace(FRAME, data=b""))), "frame 1 has nothing to send"),
        (replace(VIDEO, frames=(replace(FRAME, at_ms=5), FRAME)), "frame 1 is due before the one in front of it"),
        (replace(VIDEO, frames=(replace(FRAME, at_ms=-1),)), "at_ms of frame 0 is -1"),
        (replace(VIDEO, frames=(replace(FRAME, at_ms=float("nan")),)), "at_ms of frame 0 is NaN"),
        (replace(SOUND, frames=(replace(FRAME, data=b"x" * 1_200),)), "frame 0 does not fit a packet"),
        (replace(VIDEO, clock_rate=0), "the clock rate of a clip is 0"),
        (replace(VIDEO, codec="AV1"), "the codec of a clip is VP8, H264 or opus"),  # type: ignore[arg-type]
    ],
)
def test_a_clip_that_cannot_be_sent_is_refused_by_name(engine: LoadEngine, clip: LoadClip, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        engine.add_clip(clip)


@pytest.mark.parametrize(
    ("media", "error", "words"),
    [
        (replace(SENDS, sends=(CAMERA, CAMERA)), ValueError, "mid v is there twice"),
        (replace(SENDS, sends=(replace(CAMERA, layers=()),)), ValueError, "m-line v has no layer"),
        (replace(SENDS, sends=(replace(CAMERA, payload_type=128),)), ValueError, "payload type 128 is above 127"),
        (replace(SENDS, sends=(replace(CAMERA, mid="m" * 16),)), ValueError, "a mid has 15 characters at most"),
        (
            replace(SENDS, sends=(replace(CAMERA, layers=(replace(CAMERA.layers[0], clip=9),)),)),
            KeyError,
            "there is no clip 9",
        ),
        (
            replace(SENDS, sends=(replace(CAMERA, layers=(replace(CAMERA.layers[0], clip=1),)),)),
            ValueError,
            "m-line v and clip 1 are not of one kind",
        ),
        (replace(RECEIVES, receives=(replace(SEAT[0], clock_rate=0),)), ValueError, "m-line sv has clock rate 0"),
        (replace(RECEIVES, extensions=Extensions(mid=15)), ValueError, "header extension id 15 is above 14"),
    ],
)
def test_media_that_cannot_be_is_refused_by_name(
    call: Call, media: EndpointMedia, error: type[Exception], words: str
) -> None:
    endpoint = call.connect()
    with pytest.raises(error, match=words):
        call.engine.set_media(endpoint, media)


def test_wrong_handles_and_links_are_refused_by_name(call: Call) -> None:
    engine = call.engine
    endpoint = call.join(SENDS)
    with pytest.raises(KeyError, match="there is no endpoint 99"):
        engine.set_media(99, SENDS)
    with pytest.raises(KeyError, match="endpoint 0 does not send on m-line sv"):
        engine.set_sending(endpoint, "sv", True)
    with pytest.raises(ValueError, match=r"loss is 1\.5, not 0 to 1"):
        call.connect(loss=1.5)
    with pytest.raises(ValueError, match="delay_ms is -1, not 0 to 10000"):
        call.connect(delay_ms=-1)
    with pytest.raises(ValueError, match='remote host "example" is not an IP address'):
        call.connect(host="example")
    with pytest.raises(ValueError, match='unknown SRTP profile "X"'):
        engine.set_keys(endpoint, "X", b"", b"", b"", b"")
    with pytest.raises(ValueError, match="remote key of endpoint 0"):
        engine.set_keys(endpoint, GCM, b"", b"", b"", b"")
    engine.remove_endpoint(endpoint)
    with pytest.raises(KeyError, match="there is no endpoint 0"):
        engine.remove_endpoint(endpoint)


def test_an_engine_stays_on_its_processor_or_says_why_not() -> None:
    LoadEngine(cpu=0).close()
    with pytest.raises(OSError, match="cannot run on processor 1023"):
        LoadEngine(cpu=1_023)
    with pytest.raises(ValueError, match="check_every is 0"):
        LoadEngine(check_every=0)


def test_a_closed_engine_says_so() -> None:
    engine = LoadEngine()
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError, match="the load engine is closed"):
        engine.snapshot()
    assert engine.events() == []
