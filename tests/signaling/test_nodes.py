"""The contract with nodes over real sockets: registering, placing, granting, losing and finding rooms again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import socketio

from tests.support.eventually import eventually, until
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server, running


async def test_a_wrong_secret_is_refused(server: Server) -> None:
    node = InTestNode(secret="guessed")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await node.connect(server.url)
    await node.disconnect()
    assert [refusal["code"] for refusal in node.refusals] == ["unauthorized"]
    assert await server.app.state.nodes.all() == ()


async def test_each_of_several_secrets_lets_a_node_in(tmp_path: Path) -> None:
    async with running(tmp_path, node_secrets=("the new secret", "the old secret")) as server:
        for number, secret in enumerate(server.app.config.node_secrets, start=1):
            node = InTestNode(f"sfu{number}", secret=secret)
            await node.connect(server.url)
            server.clients.append(node)
        assert {node.name for node in await server.app.state.nodes.all()} == {"sfu1", "sfu2"}


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


@pytest.mark.parametrize(
    ("event", "data", "code"),
    [
        ("register", None, 400),
        ("register", {"node": "sfu1"}, 400),
        ("joined", {"room": 5}, 400),
        ("left", "x", 400),
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


async def test_a_new_instance_without_the_rooms_destroys_them(server: Server, node: InTestNode) -> None:
    alice, bob, room, _, _ = await server.talk(node, "tab")
    carol = await server.device("carol")
    await alice.invite("carol", room["room"], "i2")
    await carol.ring()
    node.restarted()
    await node.disconnect()
    await node.connect(server.url)
    destroyed = {"roomId": room["room"], "reason": "media server lost"}
    assert await bob.event("room-destroyed") == destroyed
    over = await alice.frame(lambda f: f.get("requestID") == "i2")
    assert (over["answer"], over["error"]) == ("invitation", 503)
    assert await alice.event("room-destroyed") == destroyed
    assert (await carol.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 487


async def test_a_node_that_stays_away_loses_its_rooms(tmp_path: Path) -> None:
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


async def test_rooms_survive_a_restart_of_signaling(tmp_path: Path) -> None:
    """The node keeps the rooms; tokens come out the same, because they are derived."""
    async with running(tmp_path) as before:
        node = await before.node()
        _, bob, room, token, _ = await before.talk(node, "tab")
    async with running(tmp_path, adopt_within_s=5.0) as after:
        alice, bob = await after.device("alice", "tab"), await after.device("bob", "tab")
        early = asyncio.create_task(alice.ask("joinRoom", "j", payload={"room": room["room"]}))
        await node.connect(after.url)
        after.clients.append(node)
        assert node.registered["close"] == []
        again = (await early)["payload"]
        assert again == room | {"participants": [alice.user.id, bob.user.id]}
        assert (await bob.ask("joinRoom", payload={"room": room["room"]}))["payload"]["token"] == token
        carol = await after.device("carol")
        await alice.invite("carol", room["room"])
        await carol.accept(await carol.ring())
        left = {"cancel": "leaveRoom", "error": 403, "message": "user not included into ACL"}
        assert await bob.ask("leaveRoom", payload={"room": room["room"]}) == left
        assert (await alice.event("participant-left"))["userId"] == bob.user.id


async def test_somebody_rung_during_a_restart_may_be_invited_again(tmp_path: Path) -> None:
    async with running(tmp_path) as before:
        node = await before.node()
        alice, bob = await before.device("alice", "tab"), await before.device("bob", "tab")
        room = await alice.room()
        await node.joined(room["room"], room["token"])
        await alice.invite("bob", room["room"])
        old = await bob.ring()
    async with running(tmp_path) as after:
        await node.connect(after.url)
        after.clients.append(node)
        alice, bob = await after.device("alice", "tab"), await after.device("bob", "tab")
        await alice.invite("bob", room["room"], "again")
        ring = await bob.ring()
        assert ring["requestID"] != old["requestID"]
        assert ring["payload"]["token"] != old["payload"]["token"]
        assert (await bob.accept(old))["error"] == 487
        assert await bob.accept(ring) == {}


async def test_somebody_rung_during_a_restart_who_receives_no_calls_any_more_is_404(tmp_path: Path) -> None:
    async with running(tmp_path) as before:
        node = await before.node()
        alice, bob = await before.device("alice", "tab"), await before.device("bob", "tab")
        room = await alice.room()
        await node.joined(room["room"], room["token"])
        await alice.invite("bob", room["room"])
        await bob.ring()
    async with running(tmp_path) as after:
        await node.connect(after.url)
        after.clients.append(node)
        alice, bob = await after.device("alice", "tab"), await after.device("bob", "tab")
        await after.app.users.set_receive_calls(bob.user.id, False)
        answer = await alice.ask("invitation", to=bob.user.id, payload={"room": room["room"]})
        assert answer["error"] == 404
        assert bob.rings() == []


async def test_a_room_opened_under_another_secret_is_closed(tmp_path: Path) -> None:
    async with running(tmp_path) as before:
        node = await before.node()
        await before.talk(node, "tab")
    async with running(tmp_path, secrets=(b"another secret of sixteen bytes",)) as after:
        await node.connect(after.url)
        after.clients.append(node)
        assert len(node.registered["close"]) == 1


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


async def test_a_secret_is_replaced_without_ending_a_call(tmp_path: Path) -> None:
    async with running(tmp_path, secrets=(b"the old secret of the server",)) as before:
        node = await before.node()
        alice = await before.device("alice")
        room = await alice.room()
        peer = await node.joined(room["room"], room["token"])
    secrets = (b"the new secret of the server", b"the old secret of the server")
    async with running(tmp_path, secrets=secrets) as after:
        await node.connect(after.url)
        after.clients.append(node)
        assert list(node.rooms[room["room"]].peers) == [peer]
        alice = await after.device("alice")
        again = await alice.ask("joinRoom", payload={"room": room["room"]})
        assert again["payload"]["token"] == room["token"]
        fresh = await alice.room()
        assert node.admits(fresh["room"], fresh["token"]) == alice.user.id
