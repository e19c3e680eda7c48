"""Rooms that are found at a node: they outlive a restart of signaling, with their tokens."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.signaling import running


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
