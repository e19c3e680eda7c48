"""Chromium sends spatial layers in one stream (SVC), and Chromium shows those that fit the window, through the node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest

from tests.bench.effort import Bench
from tests.quality.footage import HEIGHT
from tests.quality.stage import Client, on_stage, wall_ms
from tests.support.eventually import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

LINES: Final = (HEIGHT // 4 + 1, HEIGHT // 2, HEIGHT)
"""Of the three layers; the camera's are no multiple of four."""
ENOUGH: Final = 10
"""Pictures one after the other."""
WITHIN_S: Final = 30.0
SECOND_MS: Final = 1_000


def encodings(mode: str) -> list[dict[str, object]]:
    """One, with layers inside."""
    return [{"scalabilityMode": mode, "maxBitrate": 1_500_000}]


async def latest(client: Client) -> Sequence[float]:
    """Lines of the last pictures."""
    shown = await client.shown(wall_ms() - SECOND_MS)
    return [lines for _, lines in shown.frames[-ENOUGH:]]


async def shows(client: Client, lines: int) -> None:
    """Wait for enough pictures of so many lines and no others."""

    async def steady() -> bool:
        return await latest(client) == [lines] * ENOUGH

    await eventually(steady, f"pictures of {lines} lines", WITHIN_S)


@pytest.mark.parametrize(("codec", "mode"), [("VP9", "L3T3"), ("AV1", "L3T3"), ("AV1", "L3T3_KEY")])
async def test_each_window_is_shown_the_layers_that_fill_it(bench: Bench, codec: str, mode: str) -> None:
    async with on_stage(bench) as stage:
        room = await stage.room()
        await stage.publisher(room, encodings=encodings(mode), codec=codec)
        viewer = await stage.receiver(room, codec=codec)
        await shows(viewer, LINES[2])
        for layer in (0, 2, 1, 2, 1, 0):
            await viewer.view(LINES[layer])
            await shows(viewer, LINES[layer])
        assert (await viewer.counted()).received.requests == 0


async def test_who_takes_no_dependency_descriptors_is_shown_the_lowest_layer_of_av1(bench: Bench) -> None:
    async with on_stage(bench) as stage:
        room = await stage.room()
        await stage.publisher(room, encodings=encodings("L3T3"), codec="AV1")
        viewer = await stage.receiver(room, codec="AV1", described=False)
        await shows(viewer, LINES[0])
        assert (await viewer.counted()).received.requests == 0
