"""What nodes report over real sockets: registering, in parts and under a name of their own, and who came and went."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from signaling.qss.identifiers import RoomId
from signaling.qss.room import Rating
from tests.support.eventually import eventually, until
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends


async def test_a_second_node_of_one_name_is_refused_while_the_first_is_connected(
    server: Server, node: InTestNode
) -> None:
    second = InTestNode(node.name)
    server.clients.append(second)
    await second.connect(server.url, register=False)
    refusal = await second.register()
    assert refusal["error"] == 409
    assert "give each node its own --name" in refusal["message"]
    assert await node.say("load", {"peers": 1}) == {}
    await node.disconnect()

    async def noticed() -> bool:
        return (await server.app.state.nodes.all())[0].socket is None

    await eventually(noticed, "the loss is noticed")
    assert (await second.register())["node"] == node.name


@pytest.mark.parametrize(
    ("event", "data", "code"),
    [
        ("register", None, 400),
        ("register", {"node": "sfu1"}, 400),
        ("joined", {"room": 5}, 400),
        ("left", "x", 400),
        ("left", {"room": "r", "user": "u", "peer": "p", "quality": {"score": 9, "worst": 1, "seconds": 1}}, 400),
        ("quality", {"rooms": [{"room": "r", "participants": {"u": "splendid"}}]}, 400),
        ("load", {"peers": -1}, 400),
        ("tea", {}, 404),
    ],
)
async def test_a_bad_report_is_refused_by_its_acknowledgement(
    server: Server, node: InTestNode, event: str, data: object, code: int
) -> None:
    answer = await node.say(event, data)
    assert answer["error"] == code
    assert answer["message"]


async def test_a_node_cannot_register_under_another_name(server: Server, node: InTestNode) -> None:
    assert (await node.register(node="sfu9"))["error"] == 400


async def test_a_room_that_signaling_does_not_know_is_closed(server: Server, node: InTestNode) -> None:
    assert await node.say("joined", {"room": "0" * 64, "user": "a" * 24, "peer": "p"}) == {}
    assert (await node.command("close_room"))["room"] == "0" * 64


async def test_a_node_speaks_for_its_own_rooms_only(server: Server, node: InTestNode) -> None:
    other = await server.node("sfu2")
    alice = await server.device("alice")
    room = await alice.room()
    owner, stranger = (node, other) if room["serverUuid"] == "sfu1" else (other, node)
    await stranger.say("joined", {"room": room["room"], "user": alice.user.id, "peer": "p"})
    await stranger.command("close_room", lambda c: c["room"] == room["room"])
    assert room["room"] in owner.rooms
    assert not any(f.get("type") == "event" for f in (await alice.settled())[2:])


async def test_a_node_rates_its_own_rooms_only(server: Server, node: InTestNode) -> None:
    other = await server.node("sfu2")
    alice = await server.device("alice")
    room = await alice.room()
    owner, stranger = (node, other) if room["serverUuid"] == "sfu1" else (other, node)
    await owner.joined(room["room"], room["token"])
    rated = {"rooms": [{"room": room["room"], "participants": {alice.user.id: "poor"}}]}
    assert await stranger.say("quality", rated) == {}
    assert (await server.app.keeper.get(RoomId(room["room"]))).rated == ()
    assert await owner.say("quality", rated) == {}
    assert (await server.app.keeper.get(RoomId(room["room"]))).rated == (Rating(alice.user.id, "poor"),)


@pytest.mark.parametrize(
    "figures",
    [[-1, None, [0, 0, 0], [0, 0, 0]], [1, 1, [0, 1.1, 0], [0, 0, 0]], [1, 1, [0, 0, 0]], {"rttMs": 1}, None],
)
async def test_figures_that_cannot_be_are_refused(server: Server, node: InTestNode, figures: object) -> None:
    alice = await server.device("alice")
    room = await alice.room()
    await node.joined(room["room"], room["token"])
    told = {"room": room["room"], "participants": {alice.user.id: "poor"}, "figures": {alice.user.id: figures}}
    assert (await node.say("quality", {"rooms": [told]}))["error"] == 400
    assert (await server.app.keeper.get(RoomId(room["room"]))).rated == ()


async def test_a_registration_may_come_in_parts(tmp_path: Path) -> None:
    async with running(tmp_path) as before:
        node = await before.node()
        alice = await before.device("alice")
        for _ in range(3):
            room = await alice.room()
            await node.joined(room["room"], room["token"])
    async with running(tmp_path) as after:
        await node.connect(after.url, register=False)
        after.clients.append(node)
        held = list(node.rooms)
        for part in range(3):
            rooms = [node.held(held[part])]
            assert await node.register(rooms=rooms, more=part < 2) == {"close": [], "node": "sfu1"}
        assert await after.app.state.rooms.count() == 3


async def test_a_registration_that_crosses_an_opening_room_does_not_end_it(server: Server, node: InTestNode) -> None:
    node.silent = ("open_room",)
    alice = await server.device("alice")
    asked = asyncio.create_task(alice.ask("createRoom", payload={}))
    await node.command("open_room")
    await node.register()
    assert await server.app.state.rooms.count() == 1
    await asked


async def test_a_newer_connection_of_the_same_node_takes_over(server: Server, node: InTestNode) -> None:
    newer = InTestNode("sfu1")
    newer.instance = node.instance
    server.clients.append(newer)
    await newer.connect(server.url)
    await until(lambda: not node.sio.connected, "the older connection is cut")
    alice = await server.device("alice")
    await alice.room()
    assert [command for command, _ in newer.commands] == ["open_room", "grant"]
    assert node.commands == []
