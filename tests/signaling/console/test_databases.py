"""Which database a command means: the options, the environment, and PostgreSQL from one end to the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from signaling.store import Store
from tests.support.postgres import Postgres

from .conftest import Tertulia


def names(tertulia: Tertulia) -> list[str]:
    async def read(store: Store) -> list[str]:
        return [found.name for found in await store.users.of_domain("local")]

    return tertulia.store(read)


def test_every_command_works_on_postgresql(postgres: Postgres, password: Path, tmp_path: Path) -> None:
    url = postgres.database()
    tertulia = Tertulia(url, "--data", str(tmp_path / "var"), "--database", url)
    tertulia.run("user", "add", "alice", "--password-file", password)
    assert not (tmp_path / "var").exists()
    tertulia.run("user", "admin", "alice", "on")
    tertulia.run("user", "calls", "alice", "off")
    tertulia.run("user", "set-password", "alice", "--password-file", password)
    assert "alice@local" in tertulia.run("users", "list")
    assert "when" in tertulia.run("call", "history", "--missed", "--user", "alice", "--since", "1d")
    assert len(tertulia.run("token", "alice").strip().split(".")) == 3
    tertulia.run("user", "remove", "alice")
    assert names(tertulia) == []


def test_the_database_may_be_said_by_option_or_environment(tmp_path: Path, password: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    by_option = Tertulia(url, "--data", str(tmp_path / "var"), "--database", url)
    by_environment = Tertulia(url, "--data", str(tmp_path / "var"), TERTULIA_DATABASE=url)
    by_option.run("user", "add", "alice", "--password-file", password)
    by_environment.run("user", "add", "bob", "--password-file", password)
    assert names(by_option) == ["alice", "bob"]
    assert not (tmp_path / "var").exists()


def test_a_password_in_the_option_is_refused_and_not_repeated(tmp_path: Path) -> None:
    tertulia = Tertulia("", "--data", str(tmp_path), "--database", "postgresql://me:hunter2@127.0.0.1/db")
    status, line = tertulia.refused("users", "list")
    assert status == 2
    assert "--database-password-file" in line
    assert "hunter2" not in line


def test_the_password_of_the_database_is_the_first_line_of_its_file(
    postgres: Postgres, password: Path, tmp_path: Path
) -> None:
    url = postgres.database()
    tertulia = Tertulia(url, "--data", str(tmp_path), "--database", url, "--database-password-file", str(password))
    tertulia.run("user", "add", "alice", "--password-file", password)
    assert names(tertulia) == ["alice"]


def test_a_wrong_password_of_the_database_is_told_and_not_repeated(
    postgres: Postgres, password: Path, tmp_path: Path
) -> None:
    url, right, wrong = postgres.guarded("hunter2"), tmp_path / "right", tmp_path / "wrong"
    right.write_text("hunter2\n")
    wrong.write_text("hunter3\n")
    options = ("--data", str(tmp_path), "--database", url, "--database-password-file")
    Tertulia(url, *options, str(right)).run("user", "add", "alice", "--password-file", password)
    status, line = Tertulia(url, *options, str(wrong)).refused("users", "list")
    assert (status, "password authentication failed" in line, "hunter" in line) == (1, True, False)
    by_environment = Tertulia(url, "--data", str(tmp_path), TERTULIA_DATABASE=url.replace("@", ":hunter3@"))
    status, line = by_environment.refused("call", "history")
    assert (status, "password authentication failed" in line, "hunter" in line) == (1, True, False)


@pytest.mark.parametrize(
    ("options", "status", "says"),
    [
        (("--database", "mysql://h/d"), 2, "--database: 'mysql' is neither sqlite nor postgresql"),
        (("--database", "sqlite://"), 2, "--database: names no file"),
        (("--database", "sqlite:///x.db", "--database-password-file", "missing"), 2, "--database-password-file: "),
        (("--database", "postgresql://me@127.0.0.1:1/db"), 1, "cannot use the database "),
        (("--database", "postgresql://me@nowhere.invalid/db"), 1, "cannot use the database "),
        (("--database", "postgresql://me@127.0.0.1:99999/db"), 2, "--database: 99999 is no port"),
        (("--database", "postgresql://me@127.0.0.1:no/db"), 2, "--database: is no URL like "),
        (("--database", "postgresql://me@127.0.0.1/db?tea=1"), 2, "--database: has an option that is none: 'tea'"),
        (("--database", "postgresql://me@h/db?password=hunter2"), 2, "--database: holds a password"),
        (("--database", "postgresql://me@127.0.0.1:1/db?sslmode=tea"), 1, "cannot use the database "),
        (("--database", "sqlite:////no/such/directory/db"), 1, "cannot use the database /no/such/directory/db: "),
        (("--database", "sqlite:////"), 1, "cannot use the database /: "),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line(
    tmp_path: Path, options: tuple[str, ...], status: int, says: str
) -> None:
    ended, line = Tertulia("", "--data", str(tmp_path), *options).refused("users", "list")
    assert (ended, line[: len(says)]) == (status, says)
