"""Blind and attended transfers, over real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.devices import Device
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends


async def test_a_blind_transfer_that_is_accepted_takes_the_transferor_out(server: Server, node: InTestNode) -> None:
    alice, bob, carol, room = await _three(server, node)
    await _blind(alice, room)
    ring = await carol.ring()
    assert (ring["from"], ring["payload"]["room"]) == (alice.user.id, room)
    assert await carol.accept(ring) == {}
    assert await alice.frame(lambda f: f.get("answer") == "blindTransfer") == {
        "answer": "blindTransfer",
        "requestID": "t1",
        "from": alice.user.id,
        "whoAccepted": carol.user.id,
    }
    assert [await bob.event("transfer") for _ in range(3)] == [
        _event(room, alice, carol, "blind", state) for state in ("started", "ringing", "completed")
    ]
    await node.command("revoke", lambda c: c["user"] == alice.user.id)
    reply = (await bob.ask("joinRoom", payload={"room": room}))["payload"]
    assert reply["participants"] == [bob.user.id, carol.user.id]
    assert (await alice.ask("joinRoom", payload={"room": room}))["error"] == 403


async def test_a_blind_transfer_that_is_declined_leaves_the_transferor_where_she_is(
    server: Server, node: InTestNode
) -> None:
    alice, bob, carol, room = await _three(server, node)
    await _blind(alice, room)
    await carol.decline(await carol.ring())
    refused = await alice.frame(lambda f: f.get("answer") == "blindTransfer")
    assert refused == {"answer": "blindTransfer", "requestID": "t1", "from": alice.user.id, "error": 603}
    states = [await bob.event("transfer") for _ in range(3)]
    assert states[-1] == {**_event(room, alice, carol, "blind", "failed"), "error": 603}
    reply = (await alice.ask("joinRoom", payload={"room": room}))["payload"]
    assert reply["participants"] == [alice.user.id, bob.user.id]


async def test_a_blind_transfer_may_be_taken_back(server: Server, node: InTestNode) -> None:
    alice, _bob, carol, room = await _three(server, node)
    await _blind(alice, room)
    await carol.ring()
    assert await alice.tell({"cancel": "blindTransfer", "requestID": "t1"}) == {}
    assert (await carol.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 487
    assert (await alice.tell({"cancel": "blindTransfer", "requestID": "t1"}))["error"] == 404


async def test_a_blind_transfer_to_whoever_is_not_there_is_404_and_in_the_room_409(
    server: Server, node: InTestNode
) -> None:
    alice, _bob, _carol, room = await _three(server, node)
    answer = await alice.ask("blindTransfer", payload={"room": room, "to": "nobody"})
    assert (answer["error"], answer["message"]) == (404, "nobody reachable")
    assert (await alice.ask("blindTransfer", payload={"room": room, "to": "bob"}))["error"] == 409


async def test_an_attended_transfer_moves_the_participant_once_his_media_is_there(
    server: Server, node: InTestNode
) -> None:
    alice, bob, carol, room = await _three(server, node)
    target = await _room_with(alice, carol)
    await _attended(alice, bob, room, target)
    told = await bob.event("transferring-attended-transfer")
    assert (told["roomId"], told["by"], told["targetRoom"]["room"]) == (room, alice.user.id, target)
    await node.command("grant", lambda c: c["room"] == target and c["user"] == bob.user.id)
    await node.joined(target, told["targetRoom"]["token"])
    done = await alice.frame(lambda f: f.get("answer") == "attendedTransfer")
    assert done == {"answer": "attendedTransfer", "requestID": "t2", "payload": {}}
    assert [await carol.event("transfer") for _ in range(2)] == [
        _event(target, alice, bob, "attended", state) for state in ("started", "completed")
    ]
    assert (await bob.event("expelled"))["reason"] == "transferred"
    await node.command("revoke", lambda c: c["room"] == room and c["user"] == bob.user.id)
    participants = (await alice.ask("joinRoom", payload={"room": room}))["payload"]["participants"]
    assert participants == [alice.user.id]


async def test_an_attended_transfer_to_which_nobody_comes_is_408_and_he_stays(
    tmp_path: Path, backend: dict[str, Any]
) -> None:
    async with running(tmp_path, **backend, join_within_s=0.5) as server:
        node = await server.node()
        alice, bob, carol, room = await _three(server, node)
        target = await _room_with(alice, carol, node)
        await _attended(alice, bob, room, target)
        failed = await alice.frame(lambda f: f.get("answer") == "attendedTransfer")
        assert (failed["requestID"], failed["error"]) == ("t2", 408)
        await node.command("revoke", lambda c: c["room"] == target and c["user"] == bob.user.id)
        assert (await bob.ask("joinRoom", payload={"room": target}))["error"] == 403
        assert "payload" in await bob.ask("joinRoom", payload={"room": room})


async def test_an_attended_transfer_needs_both_rooms_and_a_participant(server: Server, node: InTestNode) -> None:
    alice, bob, carol, room = await _three(server, node)
    other = (await carol.room())["room"]
    not_mine = {"room": room, "participant": "bob", "targetRoom": other}
    assert (await alice.ask("attendedTransfer", payload=not_mine))["error"] == 403
    target = await _room_with(alice, carol)
    no_participant = {"room": room, "participant": "carol", "targetRoom": target}
    assert (await alice.ask("attendedTransfer", payload=no_participant))["error"] == 403
    there_already = {"room": room, "participant": "alice", "targetRoom": target}
    assert (await bob.ask("attendedTransfer", payload=there_already))["error"] == 403
    assert (await alice.ask("attendedTransfer", payload=there_already))["error"] == 409


def _event(room: str, by: Device, to: Device, kind: str, state: str) -> Frame:
    return {"roomId": room, "userId": by.user.id, "kind": kind, "to": to.user.id, "state": state}


async def _blind(alice: Device, room: str) -> None:
    payload = {"room": room, "to": "carol"}
    await alice.send({"request": "blindTransfer", "requestID": "t1", "payload": payload})


async def _attended(alice: Device, bob: Device, room: str, target: str) -> None:
    payload = {"room": room, "participant": bob.user.id, "targetRoom": target}
    await alice.send({"request": "attendedTransfer", "requestID": "t2", "payload": payload})


async def _room_with(alice: Device, other: Device, node: InTestNode | None = None) -> str:
    room = await alice.room()
    if node is not None:
        await node.joined(room["room"], room["token"])
    await alice.ask("addToACL", payload={"room": room["room"], "participants": [other.user.id]})
    uuid: str = room["room"]
    return uuid


async def _three(server: Server, node: InTestNode) -> tuple[Device, Device, Device, str]:
    """Alice and Bob are talking; Carol is there."""
    talk = await server.talk(node)
    return talk.alice, talk.bob, await server.device("carol"), talk.room["room"]
