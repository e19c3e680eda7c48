"""A publisher that stalls is told of, each of its tracks by itself, and costs whoever is shown it."""

from collections.abc import AsyncIterator

import pytest

from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.node import Deployment, running_node

# Grades are of real round trips and losses, which a machine that does other things makes worse.
pytestmark = pytest.mark.e2e


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node(stats_interval_s=0.3) as running:
        yield running


def stop(client: SocketIoClient, kind: str) -> None:
    """No packet of this kind comes of the client from now on, and it says nothing of that."""
    for transceiver in client.media.pc.getTransceivers():
        if transceiver.sender.track is not None and transceiver.kind == kind:
            transceiver.sender.replaceTrack(None)


def rated(client: SocketIoClient) -> str | None:
    """How alice's media travels, as this client was told last."""
    told = client.got("quality")
    return told[-1].get("alice") if told else None


async def test_a_camera_that_stalls_while_the_voice_goes_on_is_told_of_and_then_that_nothing_comes(
    deployment: Deployment,
) -> None:
    room = await deployment.room("alice", "bob")
    alice = await SocketIoClient(deployment).join(room, "alice")
    bob = await SocketIoClient(deployment, Media(publish=(), seats=1)).join(room, "bob")
    await bob.media.sees((await bob.shown("alice"))["video"])
    (stay,) = [one.stay for one in deployment.process.node.sessions if one.id == bob.peer]
    await until(lambda: stay.quality, "bob's stay has a score")
    stop(alice, "video")
    await until(lambda: rated(bob) == "poor", "alice's camera is missed")
    assert stay.quality is not None
    assert stay.quality.video is not None
    assert stay.quality.audio is not None
    assert stay.quality.video < 3.5
    assert stay.quality.audio > 4.0
    stop(alice, "audio")
    await until(lambda: rated(bob) == "lost", "nothing comes of alice")
    mids = {track["kind"]: track["track"].split(":")[1] for track in bob.answer["tracks"]}
    assert await alice.ask("tracks", {mid: {"muted": True} for mid in mids.values()}) == {}
    await until(lambda: rated(bob) == "good", "she says that she sends nothing")
    await alice.close()
    await bob.close()


async def test_who_is_told_that_nobody_takes_his_picture_and_stops_it_is_not_lost(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob", "carol")
    alice = await SocketIoClient(deployment, Media(seats=0)).join(room, "alice")
    carol = await SocketIoClient(deployment, Media(publish=("video",), seats=0)).join(room, "carol")
    bob = await SocketIoClient(deployment, Media(publish=(), seats=1)).join(room, "bob")
    assert await bob.ask("view", {"seats": {"0": {"participant": "alice"}}}) == {}
    await until(lambda: [[]] in [list(told.values()) for told in carol.got("layers")], "nobody takes carol's picture")
    stop(carol, "video")
    stop(alice, "video")
    await until(lambda: rated(bob) == "poor", "alice's camera is missed")
    assert {told["carol"] for told in bob.got("quality") if "carol" in told} == {"good"}
    for client in (alice, bob, carol):
        await client.close()
