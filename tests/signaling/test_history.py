"""What is played over real sockets is found in the call history, by each backend and in a database of each kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from signaling.qss.history import ACCEPTED, DECLINED
from signaling.store import Store
from signaling.store.history import Call, CallFilter
from tests.support.eventually import eventually
from tests.support.signaling import Server, running

pytestmark = pytest.mark.both_backends(postgres=True)


async def calls_of(server: Server, count: int) -> tuple[Call, ...]:
    async def there() -> tuple[Call, ...] | None:
        found = await server.app.store.calls.list(CallFilter())
        return found if len(found) == count else None

    return await eventually(there, "the call in history")


async def test_a_refused_call_is_in_history(tmp_path: Path, backend: dict[str, Any]) -> None:
    async with running(tmp_path, **backend) as server:
        await server.node()
        alice, bob = await server.device("alice"), await server.device("bob")
        await alice.invite("bob", (await alice.room())["room"])
        await bob.decline(await bob.ring())
        (call,) = await calls_of(server, 1)
    assert (call.record.inviter, call.record.invitees) == (alice.user.id, (bob.user.id,))
    assert (call.record.reason, call.record.code) == (DECLINED, 603)
    assert call.missed_by == ()
    assert [candidate.device for candidate in call.record.candidates] == [bob.device]


async def test_how_good_a_call_was_is_in_history_though_its_room_is_over(
    tmp_path: Path, backend: dict[str, Any]
) -> None:
    async with running(tmp_path, **backend) as server:
        node = await server.node()
        alice, bob = await server.device("alice"), await server.device("bob")
        room = await alice.room()
        await alice.invite("bob", room["room"])
        ring = await bob.ring()
        await bob.accept(ring)
        await alice.frame(lambda frame: frame.get("answer") == "invitation")
        peer = await node.joined(room["room"], ring["payload"]["token"])
        assert await alice.ask("destroyRoom", payload={"room": room["room"]})
        await node.command("close_room")
        quality = {"score": 4.2, "worst": 3.1, "audioScore": 4.3, "seconds": 0.001, "connectedSeconds": 90.5}
        gone = {"room": room["room"], "user": bob.user.id, "peer": peer, "reason": "room closed", "quality": quality}
        assert await node.say("left", gone) == {}

        async def scored() -> tuple[Call, ...]:
            return await server.app.store.calls.list(CallFilter(min_score=4.0))

        (call,) = await eventually(scored, "the call has its score")
    assert [(each.user, each.worst, each.lasted_ms) for each in call.quality] == [(bob.user.id, 3.1, 1)]


async def test_what_ends_with_the_server_is_in_history_too(tmp_path: Path, backend: dict[str, Any]) -> None:
    async with running(tmp_path, **backend) as server:
        await server.node()
        alice, bob = await server.device("alice"), await server.device("bob")
        await alice.invite("bob", (await alice.room())["room"])
        await bob.accept(await bob.ring())
        await alice.frame(lambda frame: frame.get("answer") == "invitation")
    store = await Store.open(server.app.config.database_url)
    (call,) = await store.calls.list(CallFilter(user=bob.user.id, direction="in"))
    await store.close()
    assert (call.record.reason, call.record.accepted_by) == (ACCEPTED, bob.user.id)
