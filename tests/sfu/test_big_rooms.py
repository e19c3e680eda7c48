"""Rooms of a node with several workers: a big one spreads and is whole, a small one stays together."""

from sfu.placement import SPREAD_FROM
from tests.support.clients import Media, SocketIoClient
from tests.support.node import running_node


async def test_a_small_room_is_on_one_worker_and_a_second_room_on_another() -> None:
    async with running_node(workers=2) as deployment:
        for _ in range(2):
            room = await deployment.room("alice", "bob")
            for user in ("alice", "bob"):
                await SocketIoClient(deployment).join(room, user)
        assert deployment.process.node.placement.peers == (2, 2)


async def test_whoever_joins_a_big_room_late_sees_it_from_another_worker() -> None:
    users = [f"user-{number}" for number in range(SPREAD_FROM + 30)]
    async with running_node(workers=2, offer_rate=1_000.0, offer_burst=1_000) as deployment:
        node = deployment.process.node
        room = await deployment.room("alice", "bob", *users, limit=200)
        alice = await SocketIoClient(deployment).join(room, "alice")
        home = node.sessions_of(room, "alice")[0].worker
        for _ in users:
            # Peers in the books of placement only: what matters is where the next real one goes.
            node.placement.enter(room, node.placement.place(room, home))
        bob = await SocketIoClient(deployment, Media(seats=1)).join(room, "bob")
        assert node.sessions_of(room, "bob")[0].worker != home
        mids = await bob.shown("alice")
        await bob.media.sees(mids["video"], 5)
        await bob.close()
        await alice.close()
