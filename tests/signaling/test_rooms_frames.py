"""ACL, hold, mute, lock, list and end of rooms, over real sockets."""

from __future__ import annotations

import pytest

from tests.support.devices import Device
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.signaling import Server

pytestmark = pytest.mark.both_backends

NOT_IN_ACL = "user not included into ACL"


async def test_a_user_added_to_the_acl_hears_of_it_and_fetches_a_token_that_admits(
    server: Server, node: InTestNode
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    answer = await alice.ask("addToACL", "a1", payload={"room": room, "participants": ["bob"]})
    acl = {"participants": [alice.user.id, bob.user.id]}
    assert answer == {"answer": "addToACL", "requestID": "a1", "payload": acl}
    assert await bob.event("admitted") == {"roomId": room, "userId": bob.user.id, "by": alice.user.id}
    joined = (await bob.ask("joinRoom", payload={"room": room}))["payload"]
    await node.command("grant", lambda c: c["user"] == bob.user.id)
    assert node.admits(room, joined["token"]) == bob.user.id


async def test_one_unknown_name_adds_nobody(server: Server, node: InTestNode) -> None:
    alice, _bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    payload = {"room": room, "participants": ["bob", "nobody"]}
    answer = await alice.ask("addToACL", payload=payload)
    assert (answer["error"], answer["message"]) == (404, "nobody reachable")
    assert (await alice.ask("joinRoom", payload={"room": room}))["payload"]["participants"] == [alice.user.id]


async def test_a_removed_user_is_cut_off_at_the_node_at_once_and_expelled(server: Server, node: InTestNode) -> None:
    alice, bob, room = await _talking(server, node)
    answer = await alice.ask("removeFromACL", payload={"roomId": room, "participants": ["bob", "nobody"]})
    assert answer["payload"] == {"participants": [alice.user.id]}
    assert await bob.event("expelled") == {"roomId": room, "userId": bob.user.id, "reason": "removed"}
    assert (await alice.event("participant-left"))["userId"] == bob.user.id
    await node.command("revoke", lambda c: c["user"] == bob.user.id)
    assert (await bob.ask("joinRoom", payload={"room": room}))["error"] == 403


async def test_removing_a_rung_user_stops_his_ringing_and_tells_the_inviter_487(
    server: Server, node: InTestNode
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    await alice.invite("bob", room)
    await bob.ring()
    await alice.ask("removeFromACL", payload={"room": room, "participants": [bob.user.id]})
    assert (await bob.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 487
    over = await alice.frame(lambda f: f.get("requestID") == "invite-1")
    assert (over["cancel"], over["error"]) == ("invitation", 487)


async def test_get_rooms_lists_my_rooms_each_with_my_token(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    rooms = [await alice.room(), await alice.room()]
    answer = await alice.ask("getRooms", "g1")
    assert answer == {"answer": "getRooms", "requestID": "g1", "payload": {"rooms": rooms}}
    assert (await bob.ask("getRooms", payload={}))["payload"] == {"rooms": []}


async def test_hold_stops_the_media_at_the_node_and_unhold_lets_it_go_on(server: Server, node: InTestNode) -> None:
    alice, bob, room = await _talking(server, node)
    assert (await bob.ask("hold", "h1", payload={"room": room})) == _done("hold", "h1")
    assert await alice.event("participant-held") == {"roomId": room, "userId": bob.user.id}
    held = await node.command("grant", lambda c: c["user"] == bob.user.id and not c["rights"]["receive"])
    assert held["rights"] == {"publish": False, "receive": False}
    assert (await alice.ask("joinRoom", payload={"room": room}))["payload"]["held"] == [bob.user.id]
    assert (await bob.ask("unhold", "h2", payload={"room": room})) == _done("unhold", "h2")
    assert await alice.event("participant-unheld") == {"roomId": room, "userId": bob.user.id}
    await bob.settled()
    grants = [c for name, c in node.commands if name == "grant" and c["user"] == bob.user.id]
    assert grants[-1]["rights"] == {"publish": True, "receive": True}
    assert len({grant["digest"] for grant in grants}) == 1, "his token stays the same"


async def test_mute_asks_the_target_who_decides_and_reports(server: Server, node: InTestNode) -> None:
    alice, bob, room = await _talking(server, node)
    asked = {"media": "audio", "muted": True, "requestedBy": "somebody", "roomId": room, "to": bob.user.id}
    assert await alice.ask("mute", "m1", payload=asked) == _done("mute", "m1")
    assert await bob.event("mute-request") == {**asked, "requestedBy": alice.user.id}
    said = {"media": "audio", "muted": True, "roomId": room}
    assert await bob.ask("muteChange", "m2", payload=said) == _done("muteChange", "m2")
    assert await alice.event("mute-change") == {**said, "userId": bob.user.id}


async def test_muting_somebody_who_is_not_in_the_room_is_403(server: Server, node: InTestNode) -> None:
    alice, _bob, room = await _talking(server, node)
    await server.device("carol")
    payload = {"media": "video", "muted": True, "roomId": room, "to": "carol"}
    assert (await alice.ask("mute", payload=payload))["message"] == NOT_IN_ACL


async def test_a_locked_room_admits_nobody_new_by_any_way_until_it_is_unlocked(
    server: Server, node: InTestNode
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    assert await alice.ask("lockRoom", "l1", payload={"room": room}) == _done("lockRoom", "l1")
    assert await alice.event("room-locked") == {"roomId": room, "userId": alice.user.id}
    added = await alice.ask("addToACL", payload={"room": room, "participants": ["bob"]})
    invited = await alice.ask("invitation", to="bob", payload={"room": room})
    assert [(a["error"], a["message"]) for a in (added, invited)] == [(403, "room is locked")] * 2
    assert (await alice.ask("joinRoom", payload={"room": room}))["payload"]["locked"] is True
    await alice.ask("unlockRoom", payload={"room": room})
    await alice.invite("bob", room)
    await bob.ring()


async def test_destroying_a_room_ends_it_for_everybody_and_at_the_node(server: Server, node: InTestNode) -> None:
    alice, bob, room = await _talking(server, node)
    carol = await server.device("carol")
    await alice.invite("carol", room, "i2")
    await carol.ring()
    assert await bob.ask("destroyRoom", "d1", payload={"room": room}) == _done("destroyRoom", "d1")
    assert await alice.event("room-destroyed") == {"roomId": room, "reason": "destroyed"}
    assert (await carol.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 487
    await node.command("close_room", lambda c: c["room"] == room)
    assert (await alice.ask("joinRoom", payload={"room": room}))["error"] == 404


@pytest.mark.parametrize("name", ["hold", "unhold", "lockRoom", "unlockRoom", "destroyRoom"])
async def test_a_stranger_may_do_nothing_to_a_room(server: Server, node: InTestNode, name: str) -> None:
    alice, carol = await server.device("alice"), await server.device("carol")
    room = (await alice.room())["room"]
    refused = {"answer": name, "requestID": "x1", "error": 403, "message": NOT_IN_ACL}
    assert await carol.ask(name, "x1", payload={"room": room}) == refused


async def test_who_is_only_being_rung_may_not_run_the_room(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    await alice.invite("bob", room)
    await bob.ring()
    assert (await bob.ask("destroyRoom", payload={"room": room}))["error"] == 403
    payload = {"room": room, "participants": ["alice"]}
    assert (await bob.ask("removeFromACL", payload=payload))["error"] == 403


async def test_a_repeated_request_gets_the_same_answer_and_does_nothing_twice(server: Server, node: InTestNode) -> None:
    alice, bob, room = await _talking(server, node)
    await bob.ask("hold", "h1", payload={"room": room})
    await bob.ask("unhold", "h2", payload={"room": room})
    assert await bob.ask("hold", "h1", payload={"room": room}) == _done("hold", "h1")
    reply = (await alice.ask("joinRoom", payload={"room": room}))["payload"]
    assert "held" not in reply


def _done(name: str, request_id: str) -> Frame:
    return {"answer": name, "requestID": request_id, "payload": {}}


async def _talking(server: Server, node: InTestNode) -> tuple[Device, Device, str]:
    talk = await server.talk(node)
    return talk.alice, talk.bob, talk.room["room"]
