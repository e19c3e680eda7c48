"""Whatever a publisher does to his stream, a decoder at the other end sees one without a break, nothing spoilt."""

from __future__ import annotations

import itertools
import struct

import pytest

from sfu._core import Core
from sfu.media import Layer
from tests.core.broadcast import LAYERS, RTX, SSRC, Stream, codec, on_air, publishes, two_layers
from tests.core.client import parse_rtp, rtp
from tests.core.footage import CYCLE, H264, VP8, WAYS, Camera, Way

WIDTH, HEIGHT, KBPS = 320, 192, 300


SILENCE = 25
"""Frames: longer than a layer may pause without being taken for silent."""
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)


def camera(way: Way, number: int = 0) -> Camera:
    return Camera(way, width=WIDTH, height=HEIGHT, kbps=KBPS, number=number)


def cases(*all_: tuple[object, ...], of_others: tuple[object, ...]) -> list[tuple[object, ...]]:
    """Every case of VP8, and one of each other way."""
    return [(VP8, *case) for case in all_] + [(way, *of_others) for way in WAYS if way is not VP8]


@pytest.mark.parametrize(
    ("way", "begins"),
    cases(("with a keyframe",), ("where it was",), of_others=("where it was",)),
    ids=lambda value: getattr(value, "name", None),
)
def test_a_publisher_who_pauses_goes_on(core: Core, way: Way, begins: str) -> None:
    with on_air(core, way) as air:
        stream = Stream(camera(way), SSRC)
        air.streams = [stream]
        for _ in range(2):
            air.run(15)
            air.rest(SILENCE)
            stream.pause(SILENCE)
            stream.wanted = begins == "with a keyframe"
        air.run(15)
        air.settle()
        assert air.viewing.is_unbroken()
        assert air.viewing.frames == 45


@pytest.mark.parametrize(
    ("way", "told"),
    cases(("negotiated",), ("by its MID",), of_others=("by its MID",)),
    ids=lambda value: getattr(value, "name", None),
)
def test_a_publisher_who_restarts_with_another_ssrc_goes_on(core: Core, way: Way, told: str) -> None:
    with on_air(core, way) as air:
        number = 0
        for ssrc, first in ((SSRC, 100), (21, 65_530), (31, 3)):
            if told == "negotiated":
                media = publishes([codec(way)], [Layer(rid=None, ssrc=ssrc, rtx_ssrc=ssrc + 1)])
                core.set_media(air.publisher.peer, media)
            air.streams = [Stream(camera(way, number), ssrc, sequence=first, timestamp=ssrc << 28, mid="0")]
            air.run(15)
            number += 15
        air.settle()
        assert air.viewing.is_unbroken()
        assert air.viewing.frames == 45


@pytest.mark.parametrize("again", [False, True], ids=["media", "sent again"])
def test_what_comes_late_of_the_ssrc_before_disturbs_nothing(core: Core, again: bool) -> None:
    with on_air(core, VP8) as air:
        before = Stream(camera(VP8), SSRC, mid="0")
        air.streams = [before]
        air.run(10)
        air.send([sent_again(before.sequence - 1, 500, b"")])
        late = before.frame()
        if again:
            late = [sent_again(before.sequence - 1, 501, parse_rtp(late[-1]).payload)]
        air.streams = [Stream(camera(VP8, 11), 21, sequence=7, timestamp=77, mid="0")]
        air.run(3)
        air.send(late)
        air.run(10)
        air.settle()
        assert air.viewing.is_unbroken(left_out=[1])
        assert air.viewing.frames == 23


def sent_again(number: int, sequence: int, payload: bytes) -> bytes:
    """RFC 4588 §4."""
    payload = struct.pack("!H", number) + payload
    return rtp(ssrc=RTX, payload_type=97, sequence=sequence, timestamp=1_000_000, payload=payload, mid="0")


def test_a_track_that_changes_its_codec_and_back_goes_on_at_a_keyframe(core: Core) -> None:
    with on_air(core, VP8, H264) as air:
        number, sequence, timestamp = 0, 100, 1_000_000
        for payload_type, way in ((96, VP8), (98, H264), (96, VP8)):
            stream = Stream(camera(way, number), SSRC, payload_type, sequence=sequence, timestamp=timestamp)
            air.streams = [stream]
            air.run(15)
            number, sequence, timestamp = number + 15, stream.sequence, stream.timestamp
            air.viewing._screens.pop(payload_type)  # a player's decoder begins anew as well
        air.settle()
        assert air.viewing.is_unbroken()
        assert air.viewing.frames == 45


def test_another_codec_that_does_not_begin_with_a_keyframe_is_asked_for_one(core: Core) -> None:
    with on_air(core, VP8, H264) as air:
        first, second = Stream(camera(VP8), SSRC), Stream(camera(H264), SSRC, 98)
        for _ in range(10):
            second.frame()
        air.streams = [first]
        air.run(10)
        second.sequence, second.timestamp = first.sequence, first.timestamp
        air.streams = [second]
        air.run(40)
        air.settle()
        left_out = (air.viewing.numbers[10] - 10) % CYCLE
        assert air.viewing.is_unbroken(left_out=[left_out])
        assert air.viewing.frames == 50 - left_out


@every_way
def test_packets_of_padding_alone_are_left_out(core: Core, way: Way) -> None:
    with on_air(core, way) as air:
        stream = Stream(camera(way), SSRC)
        air.send(stream.padding(3))
        for number in range(30):
            air.streams = [stream]
            air.run(1)
            air.send(stream.padding(number % 4))
            stream.wanted = number == 20
        air.settle()
        assert air.viewing.is_unbroken()
        assert air.viewing.frames == 30


@every_way
def test_probes_of_retransmissions_before_media_and_amid_it_disturb_nothing(core: Core, way: Way) -> None:
    with on_air(core, way) as air:
        stream = Stream(camera(way), SSRC)
        sequences = iter(range(500, 1_000))

        def probes(payload: bytes, count: int, padding: int = 0) -> list[bytes]:
            return [
                rtp(
                    ssrc=RTX,
                    payload_type=97,
                    sequence=next(sequences),
                    timestamp=stream.timestamp,
                    payload=payload,
                    mid="0",
                    padding=padding,
                )
                for _ in range(count)
            ]

        air.send(probes(b"", 5, padding=224))
        air.send(probes(struct.pack("!H", stream.sequence + 3), 2))
        air.send(probes(struct.pack("!H", stream.sequence + 3) + b"\x90\x80\x01" * 20, 2))
        air.rest(5)
        stream.pause(5)
        air.streams = [stream]
        for _ in range(30):
            before = stream.sequence
            packets = stream.frame()
            air.send(packets)
            # A browser's probe is a packet that has been sent already (RFC 4588 §4).
            air.send(probes(struct.pack("!H", before & 0xFFFF) + packets[0][12:], 2))
            air.send(probes(b"", 1, padding=100))
            air.rest(1)
        air.settle()
        assert air.viewing.is_unbroken()
        assert air.viewing.frames == 30


# Alone: on a machine without time the core takes a layer whose frames come late for one that has been stopped.
@pytest.mark.e2e
@pytest.mark.parametrize(
    ("way", "place", "late_by"),
    cases(*itertools.product(("amid", "at the end"), (1, 4)), of_others=("amid", 4)),
    ids=lambda value: getattr(value, "name", None),
)
def test_late_packets_of_the_layer_before_are_put_where_they_belong(
    core: Core, way: Way, place: str, late_by: int
) -> None:
    with on_air(core, way, layers=LAYERS) as air:
        low, high = air.streams = two_layers(way)
        core.set_view(air.viewing.client.peer, "0", 90, 100)
        air.run(45)  # until the higher one is steady
        late = low.frame()
        if place == "amid":
            air.send(low.frame())
            high.frame()
        air.send(high.frame())
        core.set_view(air.viewing.client.peer, "0", 180, 100)
        high.wanted = True
        if place == "at the end":
            air.streams = [high]
        air.run(late_by)
        air.send(late)
        air.run(15)
        air.settle()
        switched = air.viewing.heights.index(192, 20)
        assert set(air.viewing.heights[switched:]) == {192}
        # A frame of which nobody has been told is as one that never was; the next begins with a keyframe.
        begun = next(at for at, height in enumerate(air.viewing.heights) if height == 96)
        del air.viewing.heights[:begun], air.viewing.numbers[:begun]
        air.viewing.frames -= begun
        assert air.viewing.is_unbroken(left_out=[1] if place == "at the end" else [])
