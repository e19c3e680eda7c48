"""Layers inside a stream are left out and taken on again, and a decoder sees what is left of it without a break."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest

from sfu._core import Core
from tests.core.broadcast import SSRC, Broadcast, Source, Stream, on_air
from tests.core.footage import CYCLE, FPS, TEMPORAL_WAYS, TICKS, Camera, Form, Way
from tests.core.payloads import L1T3
from tests.core.recorded import HEIGHTS, SPATIAL, TEMPORAL, Recorded, Replay, numbers, read

PICTURES = 24
"""Sent while it is looked at what is shown: some rounds of 0 2 1 2."""
KNOWN = 50
"""After so many what each temporal layer costs is known well."""
TAKEN_ON = 32
"""After so many what was told is believed, shares are others, and every layer has had its chance to be taken on."""
GRAIN = 20
TAKEN = (100, 200, 400)
"""What one, two and three temporal layers take, in kbit/s."""
KEYFRAME_COMES = 30
"""Within so many: a publisher is asked for one at most once a second."""


def fewer_and_more(air: Broadcast, stream: Source, taken: Sequence[float]) -> None:
    """As many frames as the path carries come, evenly, and each of them gives a picture."""
    air.streams = [stream]
    air.run(KNOWN)
    _, two, three = taken
    low, middle, high = (0.8 * two, 4), (0.75 * three, 2), (2_000, 1)
    for kbps, one_of in (high, low, middle, high, low, high):
        air.viewing.tell(int(kbps))
        air.run(TAKEN_ON)
        before = len(air.viewing.timestamps)
        air.run(PICTURES)
        came = air.viewing.timestamps[before:]
        steps = [(two - one) & 0xFFFFFFFF for one, two in itertools.pairwise(came)]
        assert set(steps) == {one_of * TICKS}, (int(kbps), [step / TICKS for step in steps])
        assert abs(len(came) - PICTURES // one_of) <= 1, (int(kbps), len(came))
    air.settle()


def costs(recording: list[list[Recorded]]) -> list[float]:
    """What its temporal layers take up to each, in kbit/s."""
    octets = [0, 0, 0]
    for picture, (temporal, _) in zip(recording, itertools.cycle(L1T3), strict=False):
        octets[temporal] += sum(len(packet.payload) for packet in picture)
    return [total * 8 * FPS / 1_000 / len(recording) for total in itertools.accumulate(octets)]


def drawn_at(air: Broadcast, drawn: Sequence[int]) -> list[int]:
    """What was drawn when each frame that came was sent, the first of all first."""
    first, *_ = came = air.viewing.timestamps
    return [drawn[((timestamp - first) & 0xFFFFFFFF) // TICKS] for timestamp in came]


@pytest.mark.parametrize("way", TEMPORAL_WAYS, ids=lambda way: way.name)
def test_fewer_temporal_layers_are_decoded_and_so_are_more_again(core: Core, way: Way) -> None:
    with on_air(core, way) as air:
        fewer_and_more(air, Stream(Camera(way, width=320, height=192, kbps=TAKEN[-1], grain=GRAIN), SSRC), TAKEN)
        assert air.viewing.numbers == drawn_at(air, [*range(CYCLE)] * CYCLE * 4)


@pytest.mark.parametrize(("name", "form"), TEMPORAL.items(), ids=TEMPORAL)
def test_fewer_temporal_layers_of_a_browser_are_decoded_and_so_are_more_again(
    core: Core, name: str, form: Form
) -> None:
    recording = read(name)
    stream, drawn = Replay(recording), numbers(recording, form)
    with on_air(core, form) as air:
        fewer_and_more(air, stream, costs(recording))
        assert air.viewing.numbers == drawn_at(air, [drawn[sent] for sent in stream.sent])


@pytest.mark.parametrize(("name", "form"), SPATIAL.items(), ids=SPATIAL)
def test_fewer_spatial_layers_of_a_browser_are_decoded_and_so_are_more_again(core: Core, name: str, form: Form) -> None:
    recording = read(name)
    stream, drawn = Replay(recording), numbers(recording, form)
    with on_air(core, form) as air:
        air.streams = [stream]
        air.run(KEYFRAME_COMES)
        for layer in (2, 0, 1, 2, 1, 0, 2):
            core.set_view(air.viewing.client.peer, "0", HEIGHTS[layer], 100)
            air.run(KEYFRAME_COMES)
            assert air.viewing.heights[-1] == HEIGHTS[layer]
        air.settle()
        assert air.viewing.numbers == [drawn[sent] for sent in stream.sent]
        assert set(air.viewing.heights) == set(HEIGHTS)
