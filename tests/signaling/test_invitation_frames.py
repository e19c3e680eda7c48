"""Invitations over real sockets; frames marked literal in docs/protocol.md are compared field by field."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.devices import Device
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.leftovers import leftovers
from tests.support.lines import Frame
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends(postgres=True)


async def test_a_room_has_every_field_of_the_protocol(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    answer = await alice.ask("createRoom", "BPrV0y-26KQ7hISlENIie", payload={})
    room = answer.pop("payload")
    assert answer == {"answer": "createRoom", "requestID": "BPrV0y-26KQ7hISlENIie"}
    assert list(room) == [
        *("id", "uuid", "room", "owner", "record", "number", "sipUri", "bitrate", "serverUuid", "server"),
        *("timestamp", "participantsLimit", "ice", "token", "participants"),
    ]
    assert room["uuid"] == room["room"]
    _is_hex(room["room"], 64)
    _is_hex(room["id"], 24)
    _is_hex(room["token"], 32)
    assert len(room["number"]) == 8
    assert room["number"].isdigit()
    assert room["sipUri"] == f"sip:888{room['number']}@audiomixer-sfu1:5080"
    assert room["server"] == node.server
    assert abs(room["timestamp"] - time.time() * 1000) < 60_000
    assert (room["owner"], room["record"], room["bitrate"], room["participantsLimit"]) == ("", False, 1024, 100)
    assert (room["ice"], room["participants"]) == ([], [alice.user.id])


def _is_hex(text: str, digits: int) -> None:
    assert len(text) == digits
    assert int(text, 16) >= 0


async def test_ice_has_stun_and_turn_with_credentials(tmp_path: Path, backend: dict[str, Any]) -> None:
    options: dict[str, Any] = {"stun": ("stun:s.example",), "turn": ("turn:t.example",), "turn_secret": "shh"}
    async with running(tmp_path, **backend, **options) as server:
        await server.node()
        alice = await server.device("alice")
        stun, turn = (await alice.room())["ice"]
        assert stun == {"urls": "stun:s.example"}
        assert set(turn) == {"urls", "username", "credential"}


async def test_bobs_device_gets_the_vendors_ring_frame(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = await alice.room()
    context = {"contextInfo": {"subject": "lunch"}}
    await alice.invite("bob", room["room"], mediatypes={"audio": True, "video": False}, context=context)
    ring = await bob.ring()
    token, request_id = ring["payload"].pop("token"), ring.pop("requestID")
    _is_hex(token, 32)
    assert token != room["token"]
    assert len(request_id) == 21
    assert ring == {
        "request": "invitation",
        "to": bob.user.id,
        "from": alice.user.id,
        "fromType": "system",
        "mediatypes": {"audio": True, "video": False},
        "context": context,
        "systemFrom": alice.user.id,
        "payload": {
            "uuid": room["uuid"],
            "sipUri": room["sipUri"],
            "owner": "",
            "timestamp": room["timestamp"],
            "server": room["server"],
            "bitrate": 1024,
            "record": False,
            "ice": [],
            "room": room["room"],
            "participants": [alice.user.id, bob.user.id],
        },
    }


async def test_every_device_rings_with_one_and_the_same_new_request_id(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = await _three(server)
    await alice.invite("bob", (await alice.room())["room"])
    rings = [await phone.ring(), await laptop.ring()]
    assert rings[0] == rings[1]
    assert rings[0]["requestID"] != "invite-1"


async def test_the_first_accept_wins_and_the_other_device_stops_ringing(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = await _three(server)
    await alice.invite("bob", (await alice.room())["room"])
    ring = await phone.ring()
    await laptop.ring()
    acks = await asyncio.gather(phone.accept(ring), laptop.accept(ring))
    cancelled = {
        "cancel": "invitation",
        "error": 487,
        "requestID": ring["requestID"],
        "to": phone.user.id,
        "from": alice.user.id,
    }
    assert sorted(acks, key=len) == [{}, cancelled]
    loser = laptop if acks[0] == {} else phone
    assert await loser.frame(lambda f: f.get("cancel") == "invitation") == cancelled
    await alice.frame(lambda f: f.get("whoAccepted") == phone.user.id)
    assert [f for f in await alice.settled() if "answer" in f and f["answer"] == "invitation"] == [
        {"answer": "invitation", "requestID": "invite-1", "from": alice.user.id, "whoAccepted": phone.user.id}
    ]


async def test_a_decline_on_one_keeps_the_other_ringing_and_on_all_is_603(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = await _three(server)
    room = (await alice.room())["room"]
    await alice.invite("bob", room, "B6yXaxJfBdKlG1K3yI-fX")
    ring = await phone.ring()
    await laptop.ring()
    await phone.decline(ring)
    assert not any("answer" in f and f["answer"] == "invitation" for f in await alice.settled())
    assert len(laptop.rings()) == 1
    await laptop.decline(ring)
    declined = await alice.frame(lambda f: f.get("answer") == "invitation")
    expected = {"answer": "invitation", "requestID": "B6yXaxJfBdKlG1K3yI-fX", "from": alice.user.id, "error": 603}
    assert declined == expected
    assert list(declined) == list(expected)
    await node.command("revoke", lambda c: c["user"] == phone.user.id)
    assert node.admits(room, ring["payload"]["token"]) is None


async def test_no_answer_is_408_by_the_timer(tmp_path: Path, backend: dict[str, Any]) -> None:
    async with running(tmp_path, **backend, ring_timeout_s=0.3) as server:
        await server.node()
        alice, bob = await server.device("alice"), await server.device("bob")
        await alice.invite("bob", (await alice.room())["room"], "dbUXozlylze1-b8SW1vi5")
        ring = await bob.ring()
        missed = await alice.frame(lambda f: f.get("cancel") == "invitation")
        assert missed == _missed(alice, bob)
        cancelled = await bob.frame(lambda f: f.get("cancel") == "invitation")
        assert (cancelled["error"], cancelled["requestID"]) == (408, ring["requestID"])
        assert (cancelled["to"], cancelled["from"]) == (bob.user.id, alice.user.id)


async def test_no_answer_is_408_by_close_exactly_once(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    await alice.invite("bob", (await alice.room())["room"], "dbUXozlylze1-b8SW1vi5")
    await bob.ring()
    close = {"type": "request", "payload": {"endpoint": "close", "payload": {"medium": "sipcall"}, "id": "zMcZ"}}
    response = {"type": "response", "payload": {"id": "zMcZ"}}
    assert await alice.tell(close) == response
    assert await alice.tell(close) == response
    frames = [f for f in await alice.settled() if f.get("cancel") == "invitation"]
    assert frames == [_missed(alice, bob)]
    assert (await bob.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 408
    assert bob.rings() == []


def _missed(alice: Device, bob: Device) -> Frame:
    request_id = "dbUXozlylze1-b8SW1vi5"
    return {"cancel": "invitation", "error": 408, "requestID": request_id, "to": alice.user.id, "from": bob.user.id}


async def test_alices_cancel_stops_the_ringing_and_a_late_accept_is_told_487(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    await alice.invite("bob", (await alice.room())["room"])
    ring = await bob.ring()
    cancel = {"cancel": "invitation", "requestID": "invite-1", "error": 487}
    assert await alice.tell(cancel) == {}
    stopped = await bob.frame(lambda f: f.get("cancel") == "invitation")
    assert (stopped["error"], stopped["requestID"]) == (487, ring["requestID"])
    assert await bob.accept(ring) == stopped
    assert (await alice.tell(cancel))["error"] == 404
    assert not any(f.get("cancel") == "invitation" or "whoAccepted" in f for f in await alice.settled())


async def test_a_device_that_connects_while_its_user_is_rung_starts_ringing(server: Server, node: InTestNode) -> None:
    alice, phone = await server.device("alice"), await server.device("bob", "phone")
    await alice.invite("bob", (await alice.room())["room"])
    ring = await phone.ring()
    tablet = await server.device("bob", "tablet")
    assert await tablet.ring() == ring
    assert await tablet.accept(ring) == {}
    assert (await phone.frame(lambda f: f.get("cancel") == "invitation"))["error"] == 487


async def test_a_page_that_reloads_rings_again_and_can_answer(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob", "tab")
    await alice.invite("bob", (await alice.room())["room"])
    ring = await bob.ring()
    await bob.disconnect()
    again = await server.device("bob", "tab")
    assert await again.ring() == ring
    assert await again.accept(ring) == {}


@pytest.mark.parametrize("how", ["unknown", "offline", "blocked", "blocked by domain"])
async def test_unknown_offline_and_blocked_are_the_same_404_not_before_its_time(
    server: Server, node: InTestNode, how: str
) -> None:
    alice = await server.device("alice")
    room = (await alice.room())["room"]
    bob = None if how in ("unknown", "offline") else await server.device("bob", domain="elsewhere")
    if how == "offline":
        await server.user("bob", "elsewhere")
    if how == "blocked" and bob:
        assert await server.app.users.set_receive_calls(bob.user.id, False)
    if how == "blocked by domain":
        assert await server.domain_receives("elsewhere", False)
    began = time.monotonic()
    answer = await alice.ask("invitation", "i", to="bob@elsewhere", payload={"room": room})
    assert time.monotonic() - began >= 0.05
    assert answer == {
        "answer": "invitation",
        "requestID": "i",
        "from": alice.user.id,
        "error": 404,
        "message": "nobody reachable",
    }
    assert bob is None or bob.rings() == []
    assert [command for command, _ in node.commands] == ["open_room", "grant"]


async def test_a_users_own_value_outweighs_the_domains(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob", domain="elsewhere")
    await server.domain_receives("elsewhere", False)
    await server.app.users.set_receive_calls(bob.user.id, True)
    await alice.invite("bob@elsewhere", (await alice.room())["room"])
    await bob.ring()


async def test_a_blocked_user_can_still_call(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    await server.app.users.set_receive_calls(bob.user.id, False)
    await bob.invite("alice", (await bob.room())["room"])
    await alice.ring()


@pytest.mark.parametrize("to", ["id", "name", "name@domain"])
async def test_whom_to_means(server: Server, node: InTestNode, to: str) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    names = {"id": bob.user.id, "name": "Bob", "name@domain": "bob@local"}
    await alice.invite(names[to], (await alice.room())["room"])
    assert (await bob.ring())["to"] == bob.user.id


async def test_a_second_invitation_is_409(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = (await alice.room())["room"]
    await alice.invite("bob", room)
    await bob.ring()
    assert (await alice.ask("invitation", to="bob", payload={"room": room}))["error"] == 409
    assert (await alice.ask("invitation", to="alice", payload={"room": room}))["error"] == 409


async def test_inviting_into_a_room_of_others_is_403_and_into_none_404(server: Server, node: InTestNode) -> None:
    alice, carol = await server.device("alice"), await server.device("carol")
    room = (await alice.room())["room"]
    answer = await carol.ask("invitation", to="alice", payload={"room": room})
    assert (answer["error"], answer["message"]) == (403, "user not included into ACL")
    assert (await carol.ask("invitation", to="alice", payload={"room": "0" * 64}))["error"] == 404


async def test_busy_is_a_decline_with_486(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    await alice.invite("bob", (await alice.room())["room"])
    await bob.decline(await bob.ring(), 486)
    assert (await alice.frame(lambda f: f.get("answer") == "invitation"))["error"] == 486


async def test_a_full_room_is_486(server: Server, node: InTestNode) -> None:
    alice, _bob = await server.device("alice"), await server.device("bob")
    room = (await alice.ask("createRoom", payload={"participantsLimit": 1}))["payload"]["room"]
    assert (await alice.ask("invitation", to="bob", payload={"room": room}))["error"] == 486


async def test_join_room_gives_a_device_that_lost_its_state_the_room_and_its_token(
    server: Server, node: InTestNode
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = await alice.room()
    answer = await alice.ask("joinRoom", "j1", payload={"room": room["room"]})
    assert answer == {"answer": "joinRoom", "requestID": "j1", "payload": room}
    refused = await bob.ask("joinRoom", "j2", payload={"room": room["room"]})
    message = "user not included into ACL"
    assert refused == {"answer": "joinRoom", "requestID": "j2", "error": 403, "message": message}
    assert (await bob.ask("joinRoom", payload={"room": "f" * 64}))["error"] == 404


async def test_leaving_is_answered_with_the_vendors_frame_also_the_second_time(
    server: Server, node: InTestNode
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = await alice.room()
    await node.joined(room["room"], room["token"])
    await alice.invite("bob", room["room"])
    await bob.accept(await bob.ring())
    left = {"cancel": "leaveRoom", "error": 403, "message": "user not included into ACL"}
    for _ in range(2):
        assert await bob.ask("leaveRoom", payload={"room": room["room"]}) == left
        assert await bob.frame(lambda f: "cancel" in f) == left
    unknown = await bob.ask("leaveRoom", "l3", payload={"room": "e" * 64})
    assert (unknown["answer"], unknown["requestID"], unknown["error"]) == ("leaveRoom", "l3", 404)


async def test_after_a_call_nothing_is_left_but_the_bounded_memory_of_answers(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    for number in range(3):
        room = (await alice.room())["room"]
        await alice.invite("bob", room, f"i{number}")
        await bob.accept(await bob.ring())
        await bob.ask("leaveRoom", payload={"room": room})
        await alice.ask("leaveRoom", payload={"room": room})
    app = server.app
    assert await app.state.rooms.count() == 0
    assert await leftovers(app.state) == []
    assert app.idle

    async def closed() -> bool:
        return not node.rooms

    await eventually(closed, "the node has closed the rooms")


async def _three(server: Server) -> tuple[Device, Device, Device]:
    """Alice, and Bob's phone and laptop."""
    alice = await server.device("alice")
    return alice, await server.device("bob", "phone"), await server.device("bob", "laptop")
