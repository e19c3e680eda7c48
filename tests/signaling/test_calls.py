"""Whole calls over real sockets: devices, signaling, and a node that keeps what it is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signaling.qss.identifiers import RoomId
from signaling.qss.invitations import NEVER
from tests.support.eventually import eventually
from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends


async def test_alice_calls_bob_who_accepts_and_they_leave(server: Server, node: InTestNode) -> None:
    alice, bob = await server.device("alice"), await server.device("bob")
    room = await alice.room()
    uuid = room["room"]
    assert node.admits(uuid, room["token"]) == alice.user.id
    alices = await node.joined(uuid, room["token"])
    assert (await alice.event("participant-joined"))["peer"] == alices

    await alice.invite("bob", uuid)
    ring = await bob.ring()
    assert (await alice.event("ringing")) == {"roomId": uuid, "userId": bob.user.id}
    assert node.admits(uuid, ring["payload"]["token"]) == bob.user.id

    assert await bob.accept(ring) == {}
    accepted = await alice.frame(lambda f: f.get("answer") == "invitation")
    assert accepted == {
        "answer": "invitation",
        "requestID": "invite-1",
        "from": alice.user.id,
        "whoAccepted": bob.user.id,
    }
    bobs = await node.joined(uuid, ring["payload"]["token"])
    assert (await alice.event("participant-joined")) == {"roomId": uuid, "userId": bob.user.id, "peer": bobs}

    left = {"cancel": "leaveRoom", "error": 403, "message": "user not included into ACL"}
    assert await bob.ask("leaveRoom", payload={"room": uuid}) == left
    assert await bob.frame(lambda f: "cancel" in f) == left
    gone = {"roomId": uuid, "userId": bob.user.id, "peer": bobs, "reason": "left"}
    assert await alice.event("participant-left") == gone
    await node.command("revoke", lambda c: c["user"] == bob.user.id)

    assert await alice.ask("leaveRoom", payload={"roomId": uuid}) == left
    await node.command("close_room", lambda c: c["room"] == uuid)


async def test_a_ringing_device_that_disconnects_decides_still_while_it_is_kept(
    tmp_path: Path, backend: dict[str, Any]
) -> None:
    async with running(tmp_path, **backend, ring_keep_s=60) as server:
        await server.node()
        alice = await server.device("alice")
        phone, laptop = await server.device("bob", "phone"), await server.device("bob", "laptop")
        room = (await alice.room())["room"]
        await alice.invite("bob", room)
        ring = await phone.ring()
        await laptop.ring()
        await laptop.disconnect()
        await eventually(lambda: _somebody_is_kept(server, room), "the laptop is missed")
        await phone.decline(ring)
        assert not [f for f in await alice.settled() if f.get("answer") == "invitation"]
        back = await server.device("bob", "laptop")
        assert await back.accept(await back.ring()) == {}
        assert (await alice.frame(lambda f: f.get("answer") == "invitation"))["whoAccepted"] == back.user.id


async def test_a_room_outlives_the_leave_of_its_last_participant_while_it_is_kept(
    tmp_path: Path, backend: dict[str, Any]
) -> None:
    async with running(tmp_path, **backend, room_keep_s=60) as server:
        node, alice = await server.node(), await server.device("alice")
        room = await alice.room()
        await node.left(room["room"], await node.joined(room["room"], room["token"]))
        again = await alice.ask("joinRoom", payload={"room": room["room"]})
        assert again["payload"]["token"] == room["token"]


async def _somebody_is_kept(server: Server, room: str) -> bool:
    """Whether a device that rang in the room is waited for."""
    found = await server.app.state.rooms.get(RoomId(room))
    return found is not None and any(c.kept_until != NEVER for i in found.invitations for c in i.candidates)
