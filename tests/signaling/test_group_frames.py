"""Groups, `currentInvitations` and `inviteRequest`, over real sockets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.devices import Device
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends


async def _group(server: Server, *names: str) -> str:
    users = [await server.user(name) for name in names]
    group = await server.app.store.groups.add("desk", "local", "", [user.id for user in users])
    return group.id


async def test_every_member_of_a_group_but_the_caller_rings_and_the_first_accept_wins(
    server: Server, node: InTestNode
) -> None:
    alice, bob, carol = [await server.device(name) for name in ("alice", "bob", "carol")]
    group = await _group(server, "alice", "bob", "carol")
    room = (await alice.room())["room"]
    await alice.invite("desk", room)
    rings = [await bob.ring(), await carol.ring()]
    assert [(ring["to"], ring["group"]) for ring in rings] == [(bob.user.id, group), (carol.user.id, group)]
    assert rings[0]["requestID"] == rings[1]["requestID"]
    assert rings[0]["payload"]["token"] != rings[1]["payload"]["token"]
    assert await carol.accept(rings[1]) == {}
    accepted = await alice.frame(lambda f: f.get("answer") == "invitation")
    assert accepted["whoAccepted"] == carol.user.id
    stopped = await bob.frame(lambda f: f.get("cancel") == "invitation")
    assert (stopped["error"], stopped["to"]) == (487, bob.user.id)
    await node.command("revoke", lambda c: c["user"] == bob.user.id)
    reply = (await alice.ask("joinRoom", payload={"room": room}))["payload"]
    assert reply["participants"] == [alice.user.id, carol.user.id]
    assert alice.rings() == []


async def test_blocked_and_offline_members_are_passed_over(server: Server, node: InTestNode) -> None:
    alice, bob, carol = [await server.device(name) for name in ("alice", "bob", "carol")]
    await server.app.users.set_receive_calls(bob.user.id, False)
    await alice.invite(await _group(server, "bob", "carol", "dave"), (await alice.room())["room"])
    ring = await carol.ring()
    assert ring["payload"]["participants"] == [alice.user.id, carol.user.id]
    assert bob.rings() == []


async def test_a_group_of_which_nobody_is_reachable_is_404(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    group = await _group(server, "alice", "bob")
    answer = await alice.ask("invitation", to=group, payload={"room": (await alice.room())["room"]})
    assert (answer["error"], answer["message"]) == (404, "nobody reachable")


async def test_a_group_whose_members_all_decline_is_603(server: Server, node: InTestNode) -> None:
    alice, bob, carol = [await server.device(name) for name in ("alice", "bob", "carol")]
    await alice.invite(await _group(server, "bob", "carol"), (await alice.room())["room"])
    await bob.decline(await bob.ring())
    ring = await carol.ring()
    await node.command("revoke", lambda c: c["user"] == bob.user.id)
    assert not any("error" in f for f in await alice.settled())
    await carol.decline(ring)
    assert (await alice.frame(lambda f: f.get("answer") == "invitation"))["error"] == 603


async def test_current_invitations_are_the_frames_of_what_rings_here(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = [await server.device(name) for name in ("alice", "bob", "bob")]
    await alice.invite("bob", (await alice.room())["room"])
    ring = await phone.ring()
    answer = await phone.ask("currentInvitations", "c1")
    assert answer == {"answer": "currentInvitations", "requestID": "c1", "payload": {"currentInvitations": [ring]}}
    await phone.decline(ring)
    assert (await phone.ask("currentInvitations", payload={}))["payload"] == {"currentInvitations": []}
    assert (await laptop.ask("currentInvitations"))["payload"] == {"currentInvitations": [ring]}


async def test_an_invite_request_is_granted_by_an_invitation_in_reply_to_it(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = [await server.device(name) for name in ("alice", "bob", "bob")]
    room = (await phone.room())["room"]
    asked = await _asked(alice, phone)
    assert asked == {
        "requestID": asked["requestID"],
        "request": "inviteRequest",
        "to": phone.user.id,
        "from": alice.user.id,
        "fromType": "system",
        "mediatypes": {"audio": True, "video": False},
        "context": {"contextInfo": {}},
        "systemFrom": alice.user.id,
    }
    await _asked_at(laptop)
    await phone.send(_invitation(alice, room, asked))
    granted = await alice.frame(lambda f: f.get("answer") == "inviteRequest")
    assert granted == {
        "answer": "inviteRequest",
        "requestID": "ask-1",
        "from": alice.user.id,
        "whoAccepted": phone.user.id,
    }
    stopped = await laptop.frame(lambda f: f.get("cancel") == "inviteRequest")
    assert (stopped["error"], stopped["requestID"]) == (487, asked["requestID"])
    ring = await alice.ring()
    assert ring["payload"]["inReplyTo"] == "ask-1"
    assert await alice.accept(ring) == {}
    late = await laptop.tell(_invitation(alice, room, asked, "late"))
    assert late["error"] == 404


async def test_an_invite_request_may_be_declined(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    asked = await _asked(alice, bob)
    await bob.tell({"answer": "inviteRequest", "requestID": asked["requestID"], "from": asked["from"], "error": 603})
    assert await alice.frame(lambda f: f.get("answer") == "inviteRequest") == {
        "answer": "inviteRequest",
        "requestID": "ask-1",
        "from": alice.user.id,
        "error": 603,
    }
    assert await server.app.state.rooms.count() == 0


async def test_an_invite_request_may_be_taken_back(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    asked = await _asked(alice, bob)
    assert await alice.tell({"cancel": "inviteRequest", "requestID": "ask-1"}) == {}
    assert (await bob.frame(lambda f: f.get("cancel") == "inviteRequest"))["requestID"] == asked["requestID"]
    late = await alice.tell({"cancel": "inviteRequest", "requestID": "ask-1"})
    assert (late["cancel"], late["error"]) == ("inviteRequest", 404)


async def test_an_invite_request_that_nobody_grants_is_408(tmp_path: Path, backend: dict[str, Any]) -> None:
    async with running(tmp_path, **backend, ring_timeout_s=0.3) as server:
        alice, bob = await server.device("alice"), await server.device("bob")
        await _asked(alice, bob)
        assert (await alice.frame(lambda f: f.get("answer") == "inviteRequest"))["error"] == 408
        assert (await bob.frame(lambda f: f.get("cancel") == "inviteRequest"))["error"] == 408


async def test_accepting_an_invite_request_without_an_invitation_is_refused(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    asked = await _asked(alice, bob)
    assert (await bob.accept(asked))["error"] == 487
    assert not any(f.get("answer") == "inviteRequest" for f in await alice.settled())


@pytest.mark.parametrize("how", ["unknown", "offline", "blocked"])
async def test_an_invite_request_to_whoever_cannot_be_reached_is_404(server: Server, how: str) -> None:
    alice = await server.device("alice")
    if how == "offline":
        await server.user("bob")
    if how == "blocked":
        bob = await server.device("bob")
        await server.app.users.set_receive_calls(bob.user.id, False)
    answer = await alice.ask("inviteRequest", "r", to="bob")
    assert answer == {
        "answer": "inviteRequest",
        "requestID": "r",
        "from": alice.user.id,
        "error": 404,
        "message": "nobody reachable",
    }


async def test_asking_the_same_user_again_is_409_and_lobbies_are_no_rooms(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    await _asked(alice, bob)
    assert (await alice.ask("inviteRequest", to="bob"))["error"] == 409
    assert (await alice.ask("getRooms"))["payload"] == {"rooms": []}


def _invitation(to: Device, room: str, asked: Frame, request_id: str = "granted-1") -> Frame:
    payload = {"room": room, "inReplyTo": asked["requestID"]}
    return {"request": "invitation", "requestID": request_id, "to": to.user.id, "payload": payload}


async def _asked(alice: Device, bob: Device) -> Frame:
    await alice.send({"request": "inviteRequest", "requestID": "ask-1", "to": "bob"})
    return await _asked_at(bob)


async def _asked_at(device: Device) -> Frame:
    return await device.frame(lambda f: f.get("request") == "inviteRequest")
