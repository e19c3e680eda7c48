"""The vendor's public description of one-to-one calls, sentence by sentence; docs/conformance.md lists them.

Its frames stand below as it shows them.  A frame of ours is compared with one field by field: the same keys in the same
places, the same constants, and identifiers of the same form.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from signaling.qss import frames
from signaling.qss.parse import parse
from tests.support.devices import Device
from tests.support.in_test_node import InTestNode
from tests.support.lines import Frame
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends

REJECTED = """{
"answer":"invitation",
"requestID":"B6yXaxJfBdKlG1K3yI-fX",
"from":"5da6e65772aa8c46876107d6",
"error":603
}"""
CLOSE = """{
"type":"request",
"payload": {
"endpoint":"close",
"payload":{"medium":"sipcall"},
"id":"zMcZeXFM-g9wXKHgZ94ub"
}
}"""
UNANSWERED = """{
"cancel":"invitation",
"error":408,
"requestID":"dbUXozlylze1-b8SW1vi5",
"to":"5da6e65772aa8c46876107d6",
"from":"5f21f8239797901f01535828"
}"""
ACCEPTED = """{
"answer":"invitation",
"requestID":"BPrV0y-26KQ7hISlENIie",
"from":"+34986999888"
}"""
INVITATION = """{
"requestID":"AiYoyeZXKvVa1jDtSPQuX",
"request":"invitation",
"to":"5f21f8239797901f01535828",
"from":"5da6e65772aa8c46876107d6",
"fromType":"system",
"mediatypes":{"audio":true,"video":false},
"context":{"contextInfo":{}},
"systemFrom":"5da6e65772aa8c46876107d6",
"payload":{
"uuid":"1d63845a7b93c9b7ca6b3792ee99928257ac20b18284ded51632958cb3e803df",
"sipUri":"sip:88814738571@audiomixer-sfu1:5080",
"owner":"",
"timestamp":1614031357210,
"server": {"https":"wss://collaborator.quobis.com/sfu1/socket.io","wss":"wss://collaborator.quobis.com/ws-sfu1"},
"bitrate":1024,
"record":false,
"ice":[{"urls":"stun:stun.l.google.com:19302"}],
"room":"1d63845a7b93c9b7ca6b3792ee99928257ac20b18284ded51632958cb3e803df",
"token":"3af66884b2a752f4e73bfa8bd10cbe36",
"participants":["5da6e65772aa8c46876107d6","5f21f8239797901f01535828"]
}
}"""
BLOCKED = """{
"receiveCalls": {
"enabled": false
}
}"""
LEAVE = """{
"request":"leaveRoom",
"requestID":"1neElgQ3-_hRJ4MS5qcdc",
"payload":{"room":"8ffbf6016d96ed82019817751afc4b15dd45d36fab46f7d30d40087eb5f332de"}
}"""
LEFT = """{
"cancel":"leaveRoom",
"error":403,
"message":"user not included into ACL"
}"""

# The form of an identifier: what differs from call to call.
FORMS = {
    "requestID": r"[A-Za-z0-9_-]{21}",
    "to": r"[0-9a-f]{24}",
    "from": r"[0-9a-f]{24}",
    "systemFrom": r"[0-9a-f]{24}",
    "uuid": r"[0-9a-f]{64}",
    "room": r"[0-9a-f]{64}",
    "token": r"[0-9a-f]{32}",
    "sipUri": r"sip:888\d{8}@audiomixer-sfu\d+:5080",
    "https": r"wss://[^/]+/sfu\d+/socket\.io",
    "wss": r"wss://[^/]+/ws-sfu\d+",
    "participants": r"[0-9a-f]{24}",
    "timestamp": r"\d{13}",
}


def _same(ours: Any, theirs: Any, name: str = "") -> None:  # noqa: ANN401 - any JSON
    """The same fields of the same types; identifiers have the same form, everything else is equal."""
    assert type(ours) is type(theirs), name
    if isinstance(theirs, dict):
        assert set(ours) == set(theirs), name
        for key in theirs:
            _same(ours[key], theirs[key], key)
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), name
        for mine, other in zip(ours, theirs, strict=True):
            _same(mine, other, name)
    elif name in FORMS:
        assert re.fullmatch(FORMS[name], str(ours)), (name, ours)
        assert re.fullmatch(FORMS[name], str(theirs)), (name, theirs)
    else:
        assert ours == theirs, name


def _vendors(text: str) -> Frame:
    frame: Frame = json.loads(text)
    return frame


async def _pair(server: Server) -> tuple[Device, Device]:
    return await server.device("alice"), await server.device("bob")


async def _ringing(server: Server, request_id: str = "invite-1") -> tuple[Device, Device, Frame, Frame]:
    alice, bob = await _pair(server)
    room = await alice.room()
    await alice.invite("bob", room["room"], request_id)
    return alice, bob, room, await bob.ring()


async def _result(alice: Device) -> Frame:
    return await alice.frame(lambda f: "invitation" in (f.get("answer"), f.get("cancel")))


# --- using the invitation method -------------------------------------------------------------------------------------


async def test_a_call_always_implies_a_room_and_a_one_to_one_call_is_one_of_two(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, ring = await _ringing(server)
    await bob.accept(ring)
    reply = (await alice.ask("joinRoom", payload={"room": room["room"]}))["payload"]
    assert reply["participants"] == [alice.user.id, bob.user.id]


async def test_alice_creates_a_conference_room_and_joins_it(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    room = await alice.room()
    assert room["room"] in node.rooms
    await node.joined(room["room"], room["token"])
    joined = await alice.event("participant-joined")
    assert (joined["roomId"], joined["userId"]) == (room["room"], alice.user.id)


async def test_both_are_in_the_same_room_and_both_may_add_more_participants(server: Server, node: InTestNode) -> None:
    _alice, bob, room, ring = await _ringing(server)
    await bob.accept(ring)
    assert ring["payload"]["room"] == room["room"]
    carol = await server.device("carol")
    await bob.invite("carol", room["room"], "i2")
    await carol.ring()


async def test_a_participant_can_transfer_another_participant(server: Server, node: InTestNode) -> None:
    alice, bob, room, ring = await _ringing(server)
    await bob.accept(ring)
    other = await alice.room()
    moved = {"room": room["room"], "participant": bob.user.id, "targetRoom": other["room"]}
    await alice.send({"request": "attendedTransfer", "requestID": "t", "payload": moved})
    told = await bob.event("transferring-attended-transfer")
    await node.command("grant", lambda c: c["room"] == other["room"] and c["user"] == bob.user.id)
    assert node.admits(other["room"], told["targetRoom"]["token"]) == bob.user.id


async def test_a_room_has_a_different_id_each_time_a_call_is_placed(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    assert len({(await alice.room())["room"] for _ in range(5)}) == 5


async def test_an_incoming_call_is_an_invitation_to_join_a_specific_room(server: Server, node: InTestNode) -> None:
    _alice, _bob, room, ring = await _ringing(server)
    assert (ring["request"], ring["payload"]["room"]) == ("invitation", room["room"])


# --- call flow -------------------------------------------------------------------------------------------------------


async def test_a_create_room_message_creates_the_conference_room(server: Server, node: InTestNode) -> None:
    alice = await server.device("alice")
    answer = await alice.ask("createRoom", "c1", payload={})
    assert (answer["answer"], answer["requestID"]) == ("createRoom", "c1")
    await node.command("open_room", lambda c: c["room"] == answer["payload"]["room"])


async def test_an_invitation_resolves_bobs_identity_and_adds_him_to_the_acl(server: Server, node: InTestNode) -> None:
    alice, bob, room, ring = await _ringing(server)
    assert ring["to"] == bob.user.id
    reply = (await alice.ask("joinRoom", payload={"room": room["room"]}))["payload"]
    assert bob.user.id in reply["participants"]


async def test_bob_notifies_that_he_accepts_and_alice_is_told(server: Server, node: InTestNode) -> None:
    alice, bob, _room, ring = await _ringing(server)
    assert await bob.accept(ring) == {}
    assert (await _result(alice))["whoAccepted"] == bob.user.id


async def test_bob_joins_the_room_that_has_just_been_created_by_starting_media(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, ring = await _ringing(server)
    await bob.accept(ring)
    await node.joined(room["room"], ring["payload"]["token"])
    assert (await alice.event("participant-joined"))["userId"] == bob.user.id


# --- rejecting, not answering ----------------------------------------------------------------------------------------


async def test_rejecting_gives_alice_the_frame_with_603(server: Server, node: InTestNode) -> None:
    alice, bob, _room, ring = await _ringing(server, "B6yXaxJfBdKlG1K3yI-fX")
    await bob.decline(ring)
    ours = await _result(alice)
    _same(ours, _vendors(REJECTED))
    assert (ours["requestID"], ours["from"]) == ("B6yXaxJfBdKlG1K3yI-fX", alice.user.id)


async def test_close_for_an_unanswered_call_gives_alice_the_frame_with_408(server: Server, node: InTestNode) -> None:
    alice, bob, _room, _ring = await _ringing(server, "dbUXozlylze1-b8SW1vi5")
    await alice.send(CLOSE)  # a string, as in the vendor's log
    ours = await _result(alice)
    _same(ours, _vendors(UNANSWERED))
    assert (ours["requestID"], ours["to"], ours["from"]) == ("dbUXozlylze1-b8SW1vi5", alice.user.id, bob.user.id)
    response = await alice.frame(lambda f: f.get("type") == "response")
    assert response == {"type": "response", "payload": {"id": "zMcZeXFM-g9wXKHgZ94ub"}}


# --- several sessions ------------------------------------------------------------------------------------------------


async def test_a_user_can_be_logged_in_on_more_than_one_device(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = [await server.device(name) for name in ("alice", "bob", "bob")]
    await alice.invite("bob", (await alice.room())["room"])
    assert await phone.ring() == await laptop.ring()


async def test_answering_in_any_session_stops_the_ringing_of_the_others(server: Server, node: InTestNode) -> None:
    alice, phone, laptop = [await server.device(name) for name in ("alice", "bob", "bob")]
    await alice.invite("bob", (await alice.room())["room"])
    ring = await laptop.ring()
    await phone.accept(await phone.ring())
    stopped = await laptop.frame(lambda f: f.get("cancel") == "invitation")
    assert stopped["requestID"] == ring["requestID"]
    assert laptop.rings() == []


async def test_declining_in_one_session_keeps_the_others_ringing_and_only_the_last_tells_the_caller(
    server: Server, node: InTestNode
) -> None:
    alice, mobile, browser = [await server.device(name) for name in ("alice", "bob", "bob")]
    await alice.invite("bob", (await alice.room())["room"])
    ring = await browser.ring()
    await mobile.decline(await mobile.ring())
    assert len(browser.rings()) == 1
    assert not any("invitation" in (f.get("answer"), f.get("cancel")) for f in await alice.settled())
    await browser.decline(ring)
    assert (await _result(alice))["error"] == 603


# --- message flow ----------------------------------------------------------------------------------------------------


def test_the_frame_of_accepting_is_read_as_an_accept() -> None:
    _, frame = parse(_vendors(ACCEPTED))
    assert frame == frames.InvitationAnswer(request_id="BPrV0y-26KQ7hISlENIie", from_="+34986999888")


async def test_the_frame_of_accepting_counts_for_the_ringing_invitation(server: Server, node: InTestNode) -> None:
    alice, bob, _room, ring = await _ringing(server)
    answer = {**_vendors(ACCEPTED), "requestID": ring["requestID"]}
    assert await bob.tell(json.dumps(answer)) == {}
    ours = await _result(alice)
    assert ours.pop("whoAccepted") == bob.user.id
    assert ours == {"answer": "invitation", "requestID": "invite-1", "from": alice.user.id}


async def test_bob_receives_the_invitation_with_every_field_of_the_frame(
    tmp_path: Path, backend: dict[str, Any]
) -> None:
    async with running(tmp_path, **backend, stun=("stun:stun.l.google.com:19302",)) as server:
        await server.node()
        alice, bob, _room, ring = await _ringing(server)
        _same(ring, _vendors(INVITATION))
        assert (ring["from"], ring["systemFrom"], ring["to"]) == (alice.user.id, alice.user.id, bob.user.id)
        assert ring["payload"]["uuid"] == ring["payload"]["room"]
        assert ring["payload"]["participants"] == [alice.user.id, bob.user.id]


async def test_hanging_up_is_leave_room_and_answered_that_he_is_no_longer_in_the_acl(
    server: Server, node: InTestNode
) -> None:
    alice, bob, room, ring = await _ringing(server)
    await bob.accept(ring)
    await node.joined(room["room"], room["token"])
    leave = _vendors(LEAVE)
    leave["payload"]["room"] = room["room"]
    await bob.send(leave)
    assert await bob.frame(lambda f: "cancel" in f) == _vendors(LEFT)
    reply = (await alice.ask("joinRoom", payload={"room": room["room"]}))["payload"]
    assert reply["participants"] == [alice.user.id]


# --- call restrictions -----------------------------------------------------------------------------------------------


async def test_receiving_calls_is_enabled_by_default(server: Server, node: InTestNode) -> None:
    _alice, bob, _room, _ring = await _ringing(server)
    assert bob.user.receives_calls


@pytest.mark.parametrize("level", ["user", "domain"])
async def test_who_does_not_receive_calls_is_not_rung_but_can_call(
    server: Server, node: InTestNode, level: str
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob", domain="elsewhere")
    if level == "user":
        await server.app.users.set_receive_calls(bob.user.id, False)
    else:
        await server.domain_receives("elsewhere", False)
    answer = await alice.ask("invitation", to=bob.user.id, payload={"room": (await alice.room())["room"]})
    assert answer["error"] == 404
    assert bob.rings() == []
    await bob.invite("alice@local", (await bob.room())["room"])
    await alice.ring()


@pytest.mark.parametrize("level", ["user", "domain"])
async def test_posting_the_permission_of_a_user_or_domain_is_answered_201_created(
    server: Server, node: InTestNode, level: str
) -> None:
    alice, bob = await server.device("alice"), await server.device("bob", domain="elsewhere")
    administrator = await server.user("root", admin=True)
    domain = await server.app.store.domains.by_name("elsewhere")
    assert domain is not None
    target = bob.user.id if level == "user" else domain.id
    headers = {"Authorization": f"Bearer {server.token(administrator)}", "Content-Type": "application/json"}
    url = f"{server.url}/sapi/permissions/{level}/{target}"
    async with aiohttp.ClientSession() as http, http.post(url, headers=headers, data=BLOCKED) as answer:
        assert (answer.status, answer.reason) == (201, "Created")
    refused = await alice.ask("invitation", to=bob.user.id, payload={"room": (await alice.room())["room"]})
    assert refused["error"] == 404
    assert bob.rings() == []
