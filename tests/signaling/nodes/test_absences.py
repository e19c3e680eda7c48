"""Nodes and devices that go away: what goes on meanwhile, and what is healed or lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends


async def test_a_lost_device_connection_leaves_the_call_alone(server: Server, node: InTestNode) -> None:
    alice, bob, room, _, _ = await server.talk(node, "tab")
    await bob.disconnect()
    assert not any(f.get("payload", {}).get("eventName") == "participant-left" for f in await alice.settled())
    assert room["room"] in node.rooms


async def test_a_node_that_comes_back_keeps_its_rooms_and_what_was_missed_is_healed(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, _, peer = await server.talk(node, "tab")
    await node.disconnect()
    del node.rooms[room["room"]].peers[peer]  # Bob's media left while the node could not say so
    await node.connect(server.url)
    assert node.registered == {"close": [], "node": "sfu1"}
    left = await alice.event("participant-left")
    assert (left["userId"], left["peer"]) == (bob.user.id, peer)
    assert room["room"] in node.rooms


async def test_leaving_while_the_node_is_away_is_healed_when_it_is_back(server: Server, node: InTestNode) -> None:
    _, bob, room, token, _ = await server.talk(node, "tab")
    await node.disconnect()
    await bob.ask("leaveRoom", payload={"room": room["room"]})
    await node.connect(server.url)
    await node.command("revoke", lambda c: c["user"] == bob.user.id)
    assert node.admits(room["room"], token) is None


async def test_a_room_that_ended_while_the_node_was_away_is_closed_when_it_is_back(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, _, _ = await server.talk(node, "tab")
    await node.disconnect()
    for device in (bob, alice):
        await device.ask("leaveRoom", payload={"room": room["room"]})
    await node.connect(server.url)
    assert node.registered["close"] == [room["room"]]
    assert node.rooms == {}


async def test_rooms_end_that_a_new_instance_lacks_and_does_not_take_again(server: Server, node: InTestNode) -> None:
    alice, bob, room, _, _ = await server.talk(node, "tab")
    carol = await server.device("carol")
    await alice.invite("carol", room["room"], "i2")
    await carol.ring()
    node.restarted()
    node.refuses = ("open_room",)
    await node.disconnect()
    await node.connect(server.url)
    destroyed = {"roomId": room["room"], "reason": "media server lost"}
    assert await bob.event("room-destroyed") == destroyed
    over = await alice.frame(lambda f: f.get("requestID") == "i2")
    assert (over["answer"], over["error"]) == ("invitation", 503)
    assert await alice.event("room-destroyed") == destroyed
    assert (await carol.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 487


async def test_the_only_node_that_stays_away_loses_its_rooms(tmp_path: Path) -> None:
    async with running(tmp_path, node_away_s=0.2) as server:
        node = await server.node()
        alice, _, room, _, _ = await server.talk(node, "tab")
        await node.disconnect()
        assert await alice.event("room-destroyed") == {"roomId": room["room"], "reason": "media server lost"}
        await node.connect(server.url)
        assert node.registered["close"] == [room["room"]]


async def test_while_its_node_is_away_an_invitation_is_503_at_once(server: Server, node: InTestNode) -> None:
    alice, _, room, _, _ = await server.talk(node, "tab")
    await server.device("carol")
    await node.disconnect()

    async def away() -> bool:
        return not any(known.socket for known in await server.app.state.nodes.all())

    await eventually(away, "signaling sees that the node is away")
    answer = await alice.ask("invitation", to="carol", payload={"room": room["room"]})
    assert answer["error"] == 503
