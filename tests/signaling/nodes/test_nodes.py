"""Commands to nodes over real sockets: rooms are placed and opened, users admitted, before anybody is answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends


async def test_without_a_node_a_room_is_503(server: Server) -> None:
    alice = await server.device("alice")
    assert (await alice.ask("createRoom", payload={}))["error"] == 503


async def test_a_node_that_has_not_registered_gets_no_rooms(server: Server) -> None:
    node = InTestNode()
    await node.connect(server.url, register=False)
    server.clients.append(node)
    alice = await server.device("alice")
    assert (await alice.ask("createRoom", payload={}))["error"] == 503


async def test_the_room_is_open_and_granted_before_it_is_answered(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    room = await alice.room()
    assert [command for command, _ in node.commands] == ["open_room", "grant"]
    opened, granted = node.commands[0][1], node.commands[1][1]
    assert (opened["room"], opened["participants_limit"], opened["bitrate"]) == (room["room"], 100, 1024)
    assert (granted["room"], granted["user"], granted["serial"]) == (room["room"], alice.user.id, 1)
    assert granted["rights"] == {"publish": True, "receive": True}
    assert room["token"] not in str(node.commands)


async def test_nothing_rings_when_the_node_takes_no_grant(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    node.refuses = ("grant",)
    assert (await alice.ask("invitation", to="bob", payload={"room": room}))["error"] == 503
    assert not any("request" in f for f in await bob.settled())
    node.refuses = ()
    await alice.invite("bob", room, "again")
    await bob.ring()


@pytest.mark.parametrize("command", ["open_room", "grant"])
async def test_a_silent_node_is_503_after_its_time_and_the_room_is_gone(tmp_path: Path, command: str) -> None:
    async with running(tmp_path, node_ack_s=0.2) as server:
        node = await server.node(silent=(command,))
        alice = await server.device("alice")
        assert (await alice.ask("createRoom", payload={}))["error"] == 503
        assert await server.app.state.rooms.count() == 0
        await node.command("close_room")


async def test_a_refused_room_goes_to_the_next_node(server: Server) -> None:
    await server.node("sfu1", capacity=1000, refuses=("open_room",))
    second = await server.node("sfu2")
    alice = await server.device("alice")
    assert (await alice.room())["server"] == second.server


async def test_a_room_goes_to_the_least_loaded_node(server: Server) -> None:
    first, second = await server.node("sfu1"), await server.node("sfu2")
    await first.say("load", {"peers": 50, "rooms": 25, "cpu": 0.5, "packets_in": 1, "packets_out": 2})
    await second.say("load", {"peers": 10, "rooms": 5})
    alice = await server.device("alice")
    rooms = [await alice.room() for _ in range(3)]
    assert {room["serverUuid"] for room in rooms} == {"sfu2"}
    assert rooms[0]["sipUri"].endswith("@audiomixer-sfu2:5080")


async def test_rooms_spread_between_load_reports(server: Server) -> None:
    await server.node("sfu1")
    await server.node("sfu2")
    alice = await server.device("alice")
    assert [(await alice.room())["serverUuid"] for _ in range(4)] == ["sfu1", "sfu2", "sfu1", "sfu2"]


async def test_a_full_node_takes_no_room(server: Server) -> None:
    node = await server.node(capacity=10)
    await node.say("load", {"peers": 10})
    alice = await server.device("alice")
    assert (await alice.ask("createRoom", payload={}))["error"] == 503
