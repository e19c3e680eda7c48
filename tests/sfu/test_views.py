"""What a client says of a seat's size reaches the core."""

from tests.support.clients import SocketIoClient
from tests.support.node import running_node


async def test_a_hidden_seat_gets_sound_and_no_picture_until_it_is_seen_again() -> None:
    async with running_node() as deployment:
        room = await deployment.room("alice", "bob")
        alice = await SocketIoClient(deployment).join(room, "alice")
        bob = await SocketIoClient(deployment).join(room, "bob")
        mids = await alice.shown("bob")
        await alice.media.sees(mids["video"], 5)
        assert await alice.ask("view", {"seats": {"0": {"participant": "bob", "height": 0}}}) == {}
        await alice.media.sees(mids["audio"], 25)  # what was on its way has come
        frames = alice.media.watches[mids["video"]].frames
        await alice.media.sees(mids["audio"], 50)
        assert alice.media.watches[mids["video"]].frames == frames
        assert await alice.ask("view", {"seats": {"0": {"width": 640}}}) == {}
        await alice.media.sees(mids["video"], 5)
        answer = await alice.ask("view", {"seats": {"0": {"priority": 256}}})
        assert answer["error"] == 400
        await bob.close()
        await alice.close()
