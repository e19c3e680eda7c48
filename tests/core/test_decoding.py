"""What a viewer gets is decoded: layers change, and a decoder sees one stream without a break."""

from __future__ import annotations

from functools import partial

import pytest

from sfu._core import Core
from tests.core.broadcast import LAYERS, SIZES, on_air, two_layers
from tests.core.footage import FPS, WAYS, Way

STEADY_S = 1.6
"""A layer that has just begun is gone up to after this."""
SWITCHES = 8
SWITCH_WITHIN = 75
"""Frames.  A layer is asked for a keyframe once a second at most, and is gone up to when it is steady."""


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_decoder_sees_one_unbroken_stream_over_many_switches(core: Core, way: Way) -> None:
    with on_air(core, way, layers=LAYERS) as air:
        air.streams = two_layers(way)
        air.run(int(STEADY_S * FPS))
        heights = air.viewing.heights
        for switch in range(SWITCHES):
            height = SIZES[(switch + 1) % 2][1]
            core.set_view(air.viewing.client.peer, "0", height, 100)
            air.run_until(partial(air.viewing.has_lines, height), f"{height} lines", SWITCH_WITHIN)
        air.settle()
        assert air.viewing.is_unbroken()
        changes = [height for before, height in zip([0, *heights], heights, strict=False) if height != before]
        assert changes[-SWITCHES:] == [SIZES[(switch + 1) % 2][1] for switch in range(SWITCHES)]
