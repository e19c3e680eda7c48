"""Sessions, in real databases of both kinds."""

from __future__ import annotations

import asyncio
import time

import pytest

from signaling.errors import StoreError
from signaling.qss.identifiers import UserId, new_short_id
from signaling.store import Store, User


@pytest.fixture
async def alice(store: Store) -> User:
    return await store.users.add("alice", "local", "hash")


def later(seconds: float = 600.0) -> float:
    return time.time() + seconds


async def test_a_session_is_good_until_it_expires(store: Store, alice: User) -> None:
    good, over = new_short_id(), new_short_id()
    made = await store.sessions.add(good, alice.id, later(), "Alice\0's phone")
    await store.sessions.add(over, alice.id, later(-0.001))
    assert await store.sessions.active(good)
    assert not await store.sessions.active(over)
    assert not await store.sessions.active(new_short_id())
    assert await store.sessions.of_user(alice.id) == (made,)
    assert await store.sessions.by_id(good) == made
    assert made.device_name == "Alice\ufffd's phone"


@pytest.mark.parametrize("session", ["", "\0", "\ud800", "x" * 65])
async def test_what_cannot_be_a_session_is_none(store: Store, session: str) -> None:
    assert not await store.sessions.active(session)
    assert await store.sessions.by_id(session) is None
    assert await store.sessions.revoke(session) is None
    assert await store.sessions.rotate(session, 0, later()) is None
    await store.sessions.touch(session)


async def test_a_revoked_session_is_refused_at_once_in_every_process(
    store: Store, alice: User, database_url: str
) -> None:
    session = new_short_id()
    await store.sessions.add(session, alice.id, later())
    there = await Store.open(database_url)
    try:
        assert await there.sessions.active(session)
        assert await store.sessions.revoke(session) == alice.id
        assert not await there.sessions.active(session)
        assert await there.sessions.revoke(session) is None
    finally:
        await there.close()


async def test_all_sessions_of_a_user_end_but_the_one_that_asks(store: Store, alice: User) -> None:
    mine, *others = [new_short_id() for _ in range(3)]
    bob = await store.users.add("bob", "local", "hash")
    for session in (mine, *others):
        await store.sessions.add(session, alice.id, later())
    await store.sessions.add("b" * 24, bob.id, later())
    assert sorted(await store.sessions.revoke_all(alice.id, but=mine)) == sorted(others)
    assert [session.id for session in await store.sessions.of_user(alice.id)] == [mine]
    assert await store.sessions.revoke_all(alice.id) == (mine,)
    assert await store.sessions.active("b" * 24)


async def test_a_disabled_user_has_no_good_session(store: Store, alice: User) -> None:
    session = new_short_id()
    await store.sessions.add(session, alice.id, later())
    await store.users.update(alice.id, disabled=True)
    assert not await store.sessions.active(session)


async def test_a_refresh_token_is_taken_once_however_many_present_it(store: Store, alice: User) -> None:
    session = new_short_id()
    await store.sessions.add(session, alice.id, later(60))
    taken = await asyncio.gather(*(store.sessions.rotate(session, 0, later(600)) for _ in range(6)))
    assert sorted(taken, key=str) == [1, None, None, None, None, None]
    found = await store.sessions.by_id(session)
    assert found is not None
    assert found.serial == 1
    assert found.expires_ms > later(500) * 1000
    await store.sessions.revoke(session)
    assert await store.sessions.rotate(session, 1, later()) is None


async def test_a_session_of_nobody_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no such user"):
        await store.sessions.add(new_short_id(), UserId("f" * 24), later())


async def test_what_has_expired_long_ago_is_forgotten(store: Store, alice: User) -> None:
    await store.sessions.add("a" * 24, alice.id, 1000.0)
    await store.sessions.add("b" * 24, alice.id, 2000.0)
    assert await store.sessions.forget_before(2_000_000) == 1
    assert await store.sessions.by_id("a" * 24) is None
    assert await store.sessions.by_id("b" * 24) is not None


async def test_use_is_noted(store: Store, alice: User) -> None:
    made = await store.sessions.add("a" * 24, alice.id, later())
    await store.sessions.touch("a" * 24)
    found = await store.sessions.by_id("a" * 24)
    assert found is not None
    assert found.seen_ms >= made.seen_ms
