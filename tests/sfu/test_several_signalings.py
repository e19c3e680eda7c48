"""A node with several signaling processes is always registered with one of those that live."""

import asyncio

from sfu.app import NodeProcess
from tests.support.clients import Media, SocketIoClient
from tests.support.eventually import until
from tests.support.node import node_config, running_node, token
from tests.support.stand_in import Signaling

MOVED_WITHIN_S = 1.0


async def test_a_node_goes_to_the_next_process_within_a_second_and_media_goes_on() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice", "bob")
        alice = await SocketIoClient(deployment).join(room, "alice")
        bob = await SocketIoClient(deployment, Media(seats=1)).join(room, "bob")
        mids = await alice.shown("bob")
        await deployment.other.start()
        await deployment.signaling.stop()
        await until(lambda: not deployment.process.link.registered.is_set(), "the loss is noticed")
        lost_at = asyncio.get_running_loop().time()
        await deployment.other.registered(5)
        assert asyncio.get_running_loop().time() - lost_at < MOVED_WITHIN_S
        (held,) = deployment.other.registrations[0]["rooms"]
        assert (held["room"], len(held["peers"])) == (room, 2)
        await alice.media.sees(mids["video"], 5)
        await deployment.other.stop()
        await alice.close()
        await bob.close()


async def test_a_process_that_refuses_is_passed_over() -> None:
    refusing, serving = await Signaling(secret="another one").start(), await Signaling().start()
    urls = [f"http://127.0.0.1:{one.port}" for one in (refusing, serving)]
    process = NodeProcess(node_config(*urls))
    await process.start()
    await serving.registered(5)
    assert refusing.registrations == []
    for part in (process, refusing, serving):
        await part.stop()


async def test_a_registration_that_is_refused_is_tried_at_the_next_process() -> None:
    full, serving = await Signaling(refuses=409).start(), await Signaling().start()
    process = NodeProcess(node_config(*(f"http://127.0.0.1:{one.port}" for one in (full, serving))))
    await process.start()
    await serving.registered(5)
    await until(process.link.registered.is_set, "the node is registered")
    for part in (process, full, serving):
        await part.stop()


async def test_rights_taken_away_are_told_to_the_next_process() -> None:
    async with running_node() as deployment:
        room = await deployment.room()
        await deployment.grant(room, "alice", publish=False, receive=False)
        await deployment.other.start()
        await deployment.signaling.stop()
        await deployment.other.registered(5)
        (held,) = deployment.other.registrations[0]["rooms"]
        assert held["grants"][0]["rights"] == {"publish": False, "receive": False}
        assert token("alice") not in str(held)
        await deployment.other.stop()
