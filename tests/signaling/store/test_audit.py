"""The audit log, in real databases of both kinds."""

from __future__ import annotations

from signaling.store import Store


async def test_entries_are_found_newest_first(store: Store) -> None:
    for at, actor, target in ((1000, "alice", "bob"), (2000, "alice", "carol"), (3000, "bob", "carol")):
        await store.audit.add(
            at_ms=at,
            actor=actor,
            action="permissions.user",
            target=target,
            detail={"receiveCalls": {"enabled": False}, "odd": "\0\ud800"},
            address="10.0.0.1",
            domain="local" if at < 3000 else "elsewhere",
        )
    newest, *_ = found = await store.audit.page()
    assert [entry.at_ms for entry in found] == [3000, 2000, 1000]
    assert newest.detail["receiveCalls"] == {"enabled": False}
    assert (newest.actor, newest.target, newest.address, newest.domain) == ("bob", "carol", "10.0.0.1", "elsewhere")
    assert [entry.at_ms for entry in await store.audit.page(actor="alice", target="carol")] == [2000]
    assert [entry.at_ms for entry in await store.audit.page(domain="local", limit=1)] == [2000]
    assert [entry.at_ms for entry in await store.audit.page(before=newest.id)] == [2000, 1000]
    assert [entry.at_ms for entry in await store.audit.page(since_ms=2000, until_ms=3000)] == [2000]
    assert await store.audit.page(action="other") == ()
    assert await store.audit.page(actor="\0") == ()


async def test_old_entries_are_forgotten(store: Store) -> None:
    for at in (1000, 2000):
        await store.audit.add(at_ms=at, actor="a\0", action="x", target="y")
    assert await store.audit.forget_before(2000) == 1
    (left,) = await store.audit.page()
    assert (left.at_ms, left.actor) == (2000, "a\ufffd")
