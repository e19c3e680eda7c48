"""The stage that calls are measured on: a call through the node and a direct one, each behind links, show pictures."""

from __future__ import annotations

import pytest

from tests.bench.effort import Bench
from tests.quality.stage import START_S, on_stage
from tests.quality.window import watched
from tests.support.eventually import until
from tests.support.network.profiles import LOSS_3

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

LOOK_S = 2.0
FEW = 5
"""Pictures in that time, however busy the machine is."""
SMALL = 90
"""Lines of a seat that has use for no more than the lowest layer."""


async def test_a_call_through_the_node_goes_through_both_clients_links(bench: Bench) -> None:
    async with on_stage(bench) as stage:
        room, links = await stage.room(), [stage.relay(LOSS_3) for _ in range(2)]
        publisher, receiver = await stage.publisher(room, links[0]), await stage.receiver(room, links[1])
        await receiver.shows(1, START_S)
        window = await watched(publisher, receiver, LOOK_S)
        assert len(window.shown.frames) >= FEW
        assert window.sent.most_sent >= FEW
        assert window.got.heard.samples > 0
        assert window.longest_pause_ms < LOOK_S * 1_000
        addresses = {peer.address for peer in stage.core.stats()}
        assert addresses <= links[0].seen_as | links[1].seen_as
        assert links[0].access.up.passed.lost > 0


async def test_the_round_trip_to_a_browser_that_receives_nothing_is_known(bench: Bench) -> None:
    async with on_stage(bench) as stage:
        room = await stage.room()
        await stage.publisher(room, stage.relay(LOSS_3))

        def known() -> bool:
            (publisher,) = stage.core.stats()
            return publisher.rtt_ms is not None

        await until(known, "the browser answers the node's time", START_S)
        (publisher,) = stage.core.stats()
        assert publisher.rtt_ms is not None
        assert publisher.rtt_ms >= 50, "no less than its link takes there and back"


async def test_a_direct_call_meets_the_callers_uplink_and_the_callees_downlink(bench: Bench) -> None:
    async with on_stage(bench) as stage:
        with stage.crossed(LOSS_3, LOSS_3) as sides:
            caller, callee = await stage.direct(sides)
            await callee.shows(1, START_S)
            window = await watched(caller, callee, LOOK_S)
            assert len(window.shown.frames) >= FEW
            assert list(window.sent.sent) == [""]
            up, down = sides[0].access.up.passed, sides[1].access.down.passed
            assert up.delivered >= down.sent > 0
            assert up.lost > 0
            assert down.lost > 0


async def test_a_publisher_stops_the_layers_that_nobody_takes(bench: Bench) -> None:
    async with on_stage(bench) as stage:
        room = await stage.room()
        await stage.publisher(room)
        receiver = await stage.receiver(room)
        await receiver.shows(1, START_S)
        await receiver.view(SMALL)

        def sent() -> list[str | None]:
            tracks = [track for peer in stage.core.stats() for track in peer.tracks if len(track.layers) > 1]
            return [layer.rid for track in tracks for layer in track.layers if layer.active]

        await until(lambda: sent() == ["l"], "only the lowest layer is sent", START_S)


async def test_who_comes_later_is_told_when_he_was_answered_and_saw_the_first_picture(bench: Bench) -> None:
    async with on_stage(bench) as stage:
        room = await stage.room()
        await stage.publisher(room)
        late = await stage.client()
        for _ in range(2):
            joined = await stage.enter(late, room)
            assert joined.asked_ms < joined.answered_ms < await late.first_ms()
            await late.view(180)
            await late.leave()
