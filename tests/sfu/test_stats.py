"""A client that asks a real node is told of its own media; operators are told of all."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from signaling.qss.figures import Figures
from tests.support.clients import SocketIoClient
from tests.support.eventually import eventually, until
from tests.support.node import Deployment, running_node


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node(stats_interval_s=0.3, load_interval_s=0.3) as running:
        yield running


async def in_a_call(deployment: Deployment) -> tuple[SocketIoClient, SocketIoClient]:
    """Alice and bob; she sees him."""
    room = await deployment.room("alice", "bob")
    alice = await SocketIoClient(deployment).join(room, "alice")
    bob = await SocketIoClient(deployment).join(room, "bob")
    mids = await alice.shown("bob")
    await alice.media.sees(mids["video"])
    return alice, bob


async def test_who_asks_is_told_of_his_tracks_and_seats(deployment: Deployment) -> None:
    alice, bob = await in_a_call(deployment)
    assert await alice.ask("stats", {"every_s": 2}) == {}
    await until(lambda: len(alice.got("stats")) > 1, "alice is told")
    told = alice.got("stats")[-1]
    assert set(told) == {"rttMs", "estimateKbps", "sendingKbps", "queueMs", "tracks", "seats"}
    assert all(track.startswith(f"{alice.peer}:") for track in told["tracks"])
    assert {track["layers"][0]["active"] for track in told["tracks"].values()} == {True}
    assert told["seats"]["0"]["video"]["layer"] == 0
    assert told["seats"]["0"]["video"]["kbps"] > 0
    assert told["seats"]["1"]["video"]["layer"] is None
    assert bob.got("stats") == []
    assert await alice.ask("stats", {}) == {}
    await alice.close()
    await bob.close()


@pytest.mark.parametrize("data", [{"every_s": 1}, {"every_s": 61}, {"every_s": "often"}, [], None])
async def test_what_is_no_wish_is_refused(deployment: Deployment, data: object) -> None:
    room = await deployment.room("alice")
    alice = await SocketIoClient(deployment).join(room, "alice")
    assert (await alice.ask("stats", data))["error"] == 400
    await alice.close()


async def test_who_has_not_joined_has_no_media_to_be_told_of(deployment: Deployment) -> None:
    client = await SocketIoClient(deployment).connect(await deployment.room("alice"), "alice")
    assert (await client.ask("stats", {"every_s": 2}))["error"] == 404
    await client.close()


async def test_a_resumed_client_is_told_when_it_asks_again(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    alice = await SocketIoClient(deployment).join(room, "alice")
    assert await alice.ask("stats", {"every_s": 2}) == {}

    def are_told() -> list[bool]:
        return [session.stats is not None for session in deployment.process.node.sessions]

    assert are_told() == [True]
    await alice.drop()
    await alice.connect(room, "alice", peer=alice.peer)
    await until(lambda: alice.got("resumed"), "the resume is told")
    assert are_told() == [False]
    await alice.close()


async def test_a_node_tells_prometheus_of_its_peers(deployment: Deployment) -> None:
    room = await deployment.room("alice")
    alice = await SocketIoClient(deployment).join(room, "alice")

    async def looked() -> dict[str, float] | None:
        found = await deployment.metrics()
        return found if found["tertulia_node_peers"] == 1 else None

    found = await eventually(looked, "alice is counted")
    assert found['tertulia_node_core_total{what="rtp_in"}'] > 0
    assert found["tertulia_node_received_bytes_total"] > 12 * found['tertulia_node_core_total{what="rtp_in"}']
    assert found["tertulia_node_sent_bytes_total"] > 0
    assert "process_resident_memory_bytes" in found
    await alice.close()


async def test_signaling_is_told_the_figures_of_who_is_connected_again_and_again(deployment: Deployment) -> None:
    alice, bob = await in_a_call(deployment)

    async def told() -> list[Figures] | None:
        rooms = [each for report in deployment.signaling.of("quality") for each in report["rooms"]]
        figures = [msgspec.convert(each["figures"]["alice"], Figures) for each in rooms if "alice" in each["figures"]]
        return figures if len({each.up.kbps for each in figures if each.up.kbps and each.down.kbps}) > 1 else None

    assert (await eventually(told, "bit rates of both ways, as they change"))[-1].down.loss == 0.0
    await alice.close()
    await bob.close()
