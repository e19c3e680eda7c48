"""The real console app, over a database of its own: what a command prints, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

from signaling.config import sqlite_url
from signaling.console import parts
from signaling.store import Store
from tertulia.app import app

T = TypeVar("T")


class Tertulia:
    """Runs commands with the same options at the end, and opens the same database."""

    def __init__(self, url: str, *options: str, **environment: str) -> None:
        self.url = url
        self._options = options
        self._environment = {"NO_COLOR": "1", **environment}

    def run(self, *arguments: object) -> str:
        """Run a command that must succeed; gives what it printed."""
        status, out, err = self.outcome(*arguments)
        assert (status, err) == (0, "")
        return out

    def refused(self, *arguments: object) -> tuple[int, str]:
        """Run a command that must fail, in one line; gives status and line."""
        status, out, err = self.outcome(*arguments)
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
        return status, err.removeprefix("error: ").strip()

    def outcome(self, *arguments: object) -> tuple[int, str, str]:
        """Status, stdout and stderr of a command."""
        given = [*map(str, arguments), *self._options]
        result = CliRunner().invoke(app, given, env=self._environment)
        return result.exit_code, result.stdout, result.stderr

    def store(self, action: Callable[[Store], Awaitable[T]]) -> T:
        """Look into the database, or fill it."""

        if file := make_url(self.url).database:
            Path(file).parent.mkdir(exist_ok=True)

        async def run() -> T:
            store = await Store.open(self.url)
            try:
                return await action(store)
            finally:
                await store.close()

        return asyncio.run(run())

    def ids(self, *names: str) -> list[str]:
        """Make users; gives their ids."""

        async def add(store: Store) -> list[str]:
            return [(await store.users.add(name, "local", None)).id for name in names]

        return self.store(add)

    def audited(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Actor, action and detail of what was done, the oldest first."""

        async def read(store: Store) -> list[tuple[str, str, dict[str, Any]]]:
            return [(entry.actor, entry.action, entry.detail) for entry in reversed(await store.audit.page())]

        return self.store(read)


@pytest.fixture
def tertulia(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tertulia:
    """The console over SQLite in a data directory, wide enough for its tables."""
    monkeypatch.setattr(parts.out, "width", 250)
    data = tmp_path / "var"  # not there yet
    return Tertulia(sqlite_url(data), "--data", str(data))


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with a password."""
    file = tmp_path / "password"
    file.write_text("correct horse\n")
    return file
