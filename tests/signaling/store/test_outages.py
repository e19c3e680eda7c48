"""A database that is away, busy, or refuses us; and its return."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from signaling.errors import StoreAway, StoreError
from signaling.store import Store, database
from tests.support.ports import free_tcp_port
from tests.support.postgres import Postgres


@pytest.fixture
def server() -> Iterator[Postgres]:
    """A PostgreSQL of this test's own, which it may stop."""
    made = Postgres()
    made.start()
    yield made
    made.remove()


async def test_postgresql_may_go_and_come_back(server: Postgres) -> None:
    store = await Store.open(server.database())
    try:
        alice = await store.users.add("alice", "local", "hash")
        server.stop()
        for attempt in (
            store.users.by_id(alice.id),
            store.users.add("bob", "local", "hash"),
            store.sessions.active("a" * 24),
            store.ping(),
        ):
            with pytest.raises(StoreAway) as raised:
                await attempt
            assert str(raised.value) == "the database is away; try again"
            assert raised.value.code == 503
        server.start()
        assert await store.users.by_id(alice.id) == alice
        assert await store.users.add("bob", "local", "hash")
    finally:
        await store.close()


async def test_connections_that_were_cut_are_not_used_again(server: Postgres) -> None:
    store = await Store.open(server.database())
    try:
        alice = await store.users.add("alice", "local", "hash")
        await asyncio.gather(*(store.users.by_id(alice.id) for _ in range(5)))
        server.stop()
        server.start()
        found = await asyncio.gather(*(store.users.by_id(alice.id) for _ in range(20)))
        assert found == [alice] * 20
    finally:
        await store.close()


async def test_a_postgresql_that_is_not_there_is_one_line_without_the_password() -> None:
    url = f"postgresql://tertulia:s3cret@127.0.0.1:{free_tcp_port()}/calls"
    with pytest.raises(StoreError) as raised:
        await Store.open(url)
    assert str(raised.value).startswith("cannot use the database postgresql://tertulia:***@127.0.0.1:")
    assert str(raised.value).endswith(": Connection refused")
    assert "s3cret" not in str(raised.value)


async def test_a_database_that_is_not_there_is_one_line(postgres: Postgres) -> None:
    url = postgres.database().rpartition("/")[0] + "/missing"
    with pytest.raises(StoreError, match=r'database "missing" does not exist$'):
        await Store.open(url)


async def test_a_write_waits_for_another_process_and_is_refused_only_after_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 50)
    store = await Store.open(f"sqlite:///{tmp_path / 'tertulia.db'}")
    other = sqlite3.connect(tmp_path / "tertulia.db", isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        assert await store.users.by_name("alice") is None
        with pytest.raises(StoreAway):
            await store.users.add("alice", "local", "hash")
        other.execute("COMMIT")
        assert await store.users.add("alice", "local", "hash")
    finally:
        other.close()
        await store.close()


async def test_a_row_that_cannot_be_read_is_away_and_is_there_again_later(tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{tmp_path / 'tertulia.db'}")
    other = sqlite3.connect(tmp_path / "tertulia.db", isolation_level=None)
    try:
        alice = await store.users.add("alice", "local", "hash")
        assert await store.users.by_id(alice.id) == alice
        other.execute("ALTER TABLE users RENAME TO lost")
        with pytest.raises(StoreAway):
            await store.users.by_id(alice.id)
        other.execute("ALTER TABLE lost RENAME TO users")
        assert await store.users.by_id(alice.id) == alice
    finally:
        other.close()
        await store.close()


async def test_what_another_process_has_committed_holds_for_the_next_row(database_url: str) -> None:
    here, there = await Store.open(database_url), await Store.open(database_url)
    try:
        alice = await there.users.add("alice", "local", "hash")
        assert await here.users.by_id(alice.id) == alice
        for disabled in (True, False):
            changed = await there.users.update(alice.id, disabled=disabled)
            assert await here.users.by_id(alice.id) == changed
        await there.users.remove(alice.id)
        assert await here.users.by_id(alice.id) is None
    finally:
        await here.close()
        await there.close()


async def test_a_write_that_is_cut_off_leaves_nothing_and_blocks_nobody(store: Store) -> None:
    for cut_after in range(12):
        task = asyncio.create_task(store.users.add(f"user{cut_after}", "local", "hash"))
        for _ in range(cut_after):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait((task,))
    made = await store.users.add("alice", "local", "hash")
    assert await store.users.by_name("alice") == made


async def test_many_writers_and_readers_get_through(store: Store) -> None:
    made = await asyncio.gather(*(store.users.add(f"user{number}", "local", "hash") for number in range(40)))
    found = await asyncio.gather(*(store.users.by_id(user.id) for user in made))
    assert found == made
