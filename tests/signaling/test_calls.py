"""Whole calls over real sockets: devices, signaling, and a node that keeps what it is told."""

from __future__ import annotations

from tests.support.in_test_node import InTestNode
from tests.support.signaling import Server


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
