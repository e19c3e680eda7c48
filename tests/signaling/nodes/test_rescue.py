"""Rooms whose node is lost go on at another, over real sockets: where they go, who is told, and what fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from signaling.qss.room import MEDIA_SERVER_LOST
from tests.support.eventually import eventually, until
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server, Talk, running

SOON_S = 0.2


@pytest.fixture
async def impatient(tmp_path: Path, backend: dict[str, Any]) -> AsyncIterator[Server]:
    """A server that waits for no node for long."""
    async with running(tmp_path, node_away_s=SOON_S, **backend) as server:
        yield server


async def _call_on(server: Server, name: str = "sfu1") -> tuple[InTestNode, Talk]:
    """A call on the only node, with the same device names as ever."""
    node = await server.node(name)
    return node, await server.talk(node, "tab")


async def _gone(server: Server, node: InTestNode) -> None:
    """The node does not come back."""
    server.clients.remove(node)
    await node.disconnect()


async def test_a_call_on_a_lost_node_goes_on_at_another(impatient: Server) -> None:
    lost, (alice, bob, room, token, _) = await _call_on(impatient)
    other = await impatient.node("sfu2")
    await _gone(impatient, lost)
    for device, own in ((alice, room["token"]), (bob, token)):
        moved = await device.event("room-moved")
        assert moved == {"roomId": room["room"], "server": other.server, "token": own}
        assert other.admits(room["room"], own) == device.user.id
        await other.joined(room["room"], own)
    assert (await bob.event("participant-joined"))["userId"] == alice.user.id
    again = (await alice.ask("joinRoom", payload={"room": room["room"]}))["payload"]
    assert again == room | {
        "server": other.server,
        "serverUuid": "sfu2",
        "sipUri": room["sipUri"].replace("sfu1", "sfu2"),
        "participants": [alice.user.id, bob.user.id],
    }
    assert not any("participant-left" in str(frame) or "room-destroyed" in str(frame) for frame in alice.frames)


async def test_the_lost_node_closes_what_has_moved_away_should_it_come_back(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    other = await impatient.node("sfu2")
    await lost.disconnect()
    await alice.event("room-moved")
    await lost.connect(impatient.url)
    assert lost.registered["close"] == [room["room"]]
    assert room["room"] in other.rooms


async def test_the_node_that_has_taken_a_room_keeps_it_when_it_registers_again(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    other = await impatient.node("sfu2")
    await _gone(impatient, lost)
    await alice.event("room-moved")
    assert (await other.register())["close"] == []
    assert room["room"] in other.rooms


async def test_a_ring_goes_on_through_a_move_and_the_callee_joins_at_the_new_node(impatient: Server) -> None:
    node = await impatient.node()
    alice, bob = await impatient.device("alice", "tab"), await impatient.device("bob", "tab")
    room = (await alice.room())["room"]
    await alice.invite("bob", room)
    ring = await bob.ring()
    other = await impatient.node("sfu2")
    await _gone(impatient, node)
    moved = await bob.event("room-moved")
    assert moved["token"] == ring["payload"]["token"]
    await bob.accept(ring)
    assert (await alice.frame(lambda f: f.get("requestID") == "invite-1"))["whoAccepted"] == bob.user.id
    assert other.admits(room, moved["token"]) == bob.user.id


async def test_a_node_that_refuses_is_passed_over_for_the_next(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    refusing = await impatient.node("sfu2", capacity=1000, refuses=("grant",))
    third = await impatient.node("sfu3", capacity=10)
    await _gone(impatient, lost)
    assert (await alice.event("room-moved"))["server"] == third.server
    await refusing.command("close_room", lambda c: c["room"] == room["room"])


async def test_a_room_that_no_node_takes_ends(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    refusing = await impatient.node("sfu2", refuses=("open_room",))
    await _gone(impatient, lost)
    assert await alice.event("room-destroyed") == {"roomId": room["room"], "reason": MEDIA_SERVER_LOST}
    assert refusing.rooms == {}
    assert await impatient.app.state.rooms.count() == 0


async def test_who_leaves_while_the_room_moves_is_not_admitted_at_the_new_node(impatient: Server) -> None:
    lost, (alice, bob, room, token, _) = await _call_on(impatient)
    other = await impatient.node("sfu2", slow=("open_room",))
    await _gone(impatient, lost)
    await other.command("open_room")
    await bob.ask("leaveRoom", payload={"room": room["room"]})
    other.go_on.set()
    assert (await alice.event("room-moved"))["server"] == other.server
    await other.command("revoke", lambda c: c["user"] == bob.user.id)
    assert other.admits(room["room"], token) is None


async def test_a_room_that_ends_while_it_moves_is_closed_at_the_new_node(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    other = await impatient.node("sfu2", slow=("open_room",))
    await _gone(impatient, lost)
    await other.command("open_room")
    await alice.ask("destroyRoom", payload={"room": room["room"]})
    other.go_on.set()
    await other.command("close_room", lambda c: c["room"] == room["room"])
    await until(lambda: other.rooms == {}, "the node lets go of the room")


async def test_a_registration_of_the_new_node_in_the_middle_of_a_move_costs_it_nothing(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    other = await impatient.node("sfu2", slow=("grant",))
    await _gone(impatient, lost)
    await other.command("grant")
    assert (await other.register())["close"] == []
    other.go_on.set()
    assert (await alice.event("room-moved"))["server"] == other.server
    assert room["room"] in other.rooms


async def test_a_node_that_is_back_in_time_keeps_its_rooms_though_another_was_being_asked(impatient: Server) -> None:
    lost, (alice, _, room, _, _) = await _call_on(impatient)
    other = await impatient.node("sfu2", refuses=("open_room",), slow=("open_room",))
    await lost.disconnect()
    await other.command("open_room")
    await lost.connect(impatient.url)
    other.go_on.set()

    async def settled() -> bool:
        return await impatient.app.state.nodes.opening() == frozenset()

    await eventually(settled, "the move is given up")
    assert not any("room-destroyed" in str(frame) for frame in await alice.settled())
    assert room["room"] in lost.rooms


async def test_a_node_that_has_crashed_takes_its_rooms_again_with_the_tokens_they_had(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, token, _ = await server.talk(node, "tab")
    node.restarted()
    await node.disconnect()
    await node.connect(server.url)
    moved = {"roomId": room["room"], "server": node.server}
    assert await alice.event("room-moved") == moved | {"token": room["token"]}
    assert await bob.event("room-moved") == moved | {"token": token}
    await node.joined(room["room"], token)
    joined = await alice.event("participant-joined")
    while joined["userId"] != bob.user.id or joined["peer"] != f"{node.name}-p3":
        joined = await alice.event("participant-joined")


async def test_a_node_that_is_back_at_another_address_is_told_to_whoever_is_there(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, token, _ = await server.talk(node, "tab")
    await node.disconnect()
    node.host = "moved.example"
    await node.connect(server.url)
    for device, own in ((alice, room["token"]), (bob, token)):
        moved = await device.event("room-moved")
        assert moved == {"roomId": room["room"], "server": node.server, "token": own}
    assert (await alice.ask("joinRoom", payload={"room": room["room"]}))["payload"]["server"] == node.server


async def test_many_rooms_of_a_lost_node_are_spread_over_those_that_are_left(impatient: Server) -> None:
    lost = await impatient.node()
    alice = await impatient.device("alice")
    rooms = [(await alice.room())["room"] for _ in range(40)]
    others = [await impatient.node(name) for name in ("sfu2", "sfu3")]
    await _gone(impatient, lost)
    moved = [(await alice.event("room-moved"))["roomId"] for _ in rooms]
    assert sorted(moved) == sorted(rooms)
    assert sum(len(other.rooms) for other in others) == len(rooms)
    assert min(len(other.rooms) for other in others) >= 10


async def test_a_stop_in_the_middle_of_a_move_leaves_the_room_to_others(impatient: Server) -> None:
    lost, _ = await _call_on(impatient)
    other = await impatient.node("sfu2", silent=("open_room",))
    lost.restarted()
    await lost.disconnect()
    lost.refuses = ("open_room",)
    await lost.connect(impatient.url)
    await other.command("open_room")
    async with asyncio.timeout(5):
        await impatient.hang_up()
