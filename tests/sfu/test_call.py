"""Two aiortc clients meet in a room of a real node and see each other decoded."""

from collections.abc import AsyncIterator

import pytest

from tests.support.node import Deployment, SocketIoClient, running_node


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node() as running:
        yield running


async def test_two_peers_see_and_hear_each_other(deployment: Deployment) -> None:
    room = await deployment.room("alice", "bob")
    alice = await SocketIoClient(deployment).join(room, "alice")
    bob = await SocketIoClient(deployment).join(room, "bob")
    for viewer, other in ((alice, "bob"), (bob, "alice")):
        mids = await viewer.shown(other)
        await viewer.media.sees(mids["video"])
        await viewer.media.sees(mids["audio"])
    await bob.close()
    await alice.close()
