"""Versions of the database: made anew, brought forward, refused, and by several processes at once."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from signaling.errors import ConfigError, StoreError
from signaling.store import Store
from signaling.store.database import Database
from signaling.store.migrate import HEAD, MIGRATIONS, to_this_version, version_of
from signaling.store.tables import metadata

# What the first release made.
FIRST = """
CREATE TABLE IF NOT EXISTS domains (
    id VARCHAR(24) NOT NULL, name VARCHAR(190) NOT NULL, receive_calls BOOLEAN, PRIMARY KEY (id), UNIQUE (name)
);
CREATE TABLE IF NOT EXISTS users (
    id VARCHAR(24) NOT NULL, domain_id VARCHAR(24) NOT NULL, name VARCHAR(64) NOT NULL,
    display_name VARCHAR(128) NOT NULL, password VARCHAR(255) NOT NULL, receive_calls BOOLEAN,
    created_ms INTEGER NOT NULL, PRIMARY KEY (id), UNIQUE (domain_id, name),
    FOREIGN KEY(domain_id) REFERENCES domains (id)
);
INSERT INTO domains VALUES ('dddddddddddddddddddddddd', 'local', 0);
INSERT INTO users VALUES ('aaaaaaaaaaaaaaaaaaaaaaaa', 'dddddddddddddddddddddddd', 'alice', 'Alice', 'hash', 1, 1000);
"""


def differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return list(compare_metadata(context, metadata))


async def schema_differs(url: str) -> list[object]:
    database = Database.at(url)
    try:
        async with database.writing() as connection:
            assert await connection.run_sync(version_of) == HEAD
            return await connection.run_sync(differences)
    finally:
        await database.close()


async def test_migrations_make_the_tables_that_the_program_uses(store: Store, database_url: str) -> None:
    assert await schema_differs(database_url) == []


def test_the_version_of_the_program_is_the_last_migration() -> None:
    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [HEAD]


async def test_a_database_of_the_first_release_keeps_its_users(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tertulia.db'}"
    with sqlite3.connect(tmp_path / "tertulia.db") as first:
        first.executescript(FIRST)
    first.close()
    store = await Store.open(url)
    try:
        alice = await store.users.by_name("alice")
        assert alice is not None
        assert (alice.id, alice.display_name, alice.created_ms) == ("a" * 24, "Alice", 1000)
        assert (alice.receives_calls, alice.admin, alice.disabled) == (True, False, False)
        domain = await store.domains.by_name("local")
        assert domain is not None
        assert (domain.receive_calls, domain.created_ms) == (False, 0)
        assert await store.users.password_of("alice") == (alice, "hash")
        assert await schema_differs(url) == []
    finally:
        await store.close()


async def test_a_call_of_before_there_were_scores_has_none(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tertulia.db'}"
    database = Database.at(url)
    async with database.writing() as connection:
        await connection.run_sync(_upgraded, "0002")
        await connection.execute(
            text(
                "INSERT INTO calls (id, room, inviter, inviter_device, called, invitees, accepted_by, media,"
                " created_ms, decided_ms, reason, candidates) VALUES ('old', 'r', 'a', 'tab', 'b', '[\"b\"]', 'b',"
                " '[]', 1, 2, 'ACCEPTED', '[]')"
            )
        )
    await database.close()
    store = await Store.open(url)
    call = await store.calls.by_id("old")
    await store.close()
    assert call is not None
    assert (call.score, call.quality) == (None, ())
    assert await schema_differs(url) == []


def _upgraded(connection: Connection, version: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, version)


async def test_a_database_of_a_later_version_is_refused_and_left_alone(store: Store, database_url: str) -> None:
    await store.users.add("alice", "local", "hash")
    database = Database.at(database_url)
    async with database.writing() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match=r"has version 9999, .* made by a later one") as raised:
        await to_this_version(database)
    assert "\n" not in str(raised.value)
    await database.close()
    assert await store.users.by_name("alice") is not None


async def test_several_processes_may_make_the_same_database_at_once(database_url: str) -> None:
    program = (
        "import asyncio, sys; from signaling.store import Store\n"
        "async def main():\n"
        "    store = await Store.open(sys.argv[1])\n"
        "    await store.users.add(sys.argv[2], 'local', 'hash')\n"
        "    await store.close()\n"
        "asyncio.run(main())"
    )
    names = ("alice", "bob", "carol")
    started = [
        await asyncio.create_subprocess_exec(sys.executable, "-W", "error", "-c", program, database_url, name)
        for name in names
    ]
    assert [await process.wait() for process in started] == [0, 0, 0]
    store = await Store.open(database_url)
    assert [user.name for user in await store.users.page("local")] == list(names)
    await store.close()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "no URL"),
        ("tertulia.db", "no URL"),
        ("mysql://host/name", "neither sqlite nor postgresql"),
        ("postgresql://host", "names no database"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("postgresql://host:port/name", "no URL"),
    ],
)
async def test_a_url_that_is_none_is_refused_by_name(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await Store.open(url)


async def test_a_directory_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"cannot use the database .*unable to open database file$"):
        await Store.open(f"sqlite:///{tmp_path / 'missing' / 'tertulia.db'}")
