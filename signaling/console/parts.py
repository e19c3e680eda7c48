"""What the commands of signaling share: which database they mean, what they print, and how they fail.

Whatever the user got wrong is one line on stderr and exit code 2; what fails at run time, one line and exit code 1.
Server and database are imported by the commands that need them: the console's other commands need not wait for them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from .. import config as settings
from ..errors import ConfigError, StartError, StoreAway, StoreError

if TYPE_CHECKING:
    from ..store import Store, User

T = TypeVar("T")

ACTOR: Final = "console"  # in the audit log

out = Console()
err = Console(stderr=True)

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Database and secrets.")]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="postgresql://USER@HOST/NAME, or sqlite:///FILE; else TERTULIA_DATABASE."),
]
DatabasePassword = Annotated[Path | None, typer.Option(metavar="FILE", help="Its first line is the password.")]
AsJson = Annotated[bool, typer.Option("--json", help="For machines.")]


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Say what went wrong in one line, and end with its exit code."""
    try:
        yield
    except ConfigError as error:
        _complain(str(error))
        raise typer.Exit(2) from None
    except StoreAway as error:
        _complain(f"the database is away: {error.reason}")
        raise typer.Exit(1) from None
    except (StartError, StoreError) as error:
        _complain(str(error))
        raise typer.Exit(1) from None


def with_store(url: str, action: Callable[[Store], Awaitable[T]]) -> T:
    """Open the database, do one thing, close it."""

    async def run() -> T:
        from ..store import Store

        store = await Store.open(url)
        try:
            return await action(store)
        finally:
            await store.close()

    return asyncio.run(run())


def database_at(data: Path, database: str | None, password_file: Path | None, *, new: bool = False) -> str:
    """The URL of the database that the options mean.  Only a command that fills it makes the data directory."""
    url = settings.database_url(database, password_file, data)
    if url == settings.sqlite_url(data):
        if new:
            settings.make_data_directory(data)
        elif not (data / settings.DATABASE).exists():
            raise StoreError(f"no database at {data / settings.DATABASE}; say which with --data or --database")
    return url


async def user_called(store: Store, reference: str) -> User:
    """The user whom an argument means: a name, name@domain, or an id; raises StoreError."""
    found = await store.users.resolve(reference, settings.DEFAULT_DOMAIN)
    if found is None:
        raise StoreError(f"no user {reference[:64]!r} in {store.where}")
    return found


async def note(store: Store, action: str, target: str, domain: str, **detail: object) -> None:
    """Keep in the audit log what was done at the console."""
    at_ms = time.time_ns() // 1_000_000
    await store.audit.add(at_ms=at_ms, actor=ACTOR, action=action, target=target, detail=detail, domain=domain)


def cell(text: str) -> Text:
    """A text of somebody else's choice, without what would move the cursor or colour the terminal."""
    return Text("".join(letter if letter.isprintable() else "\ufffd" for letter in text), overflow="fold")


def local_time(ms: int) -> str:
    """Epoch milliseconds as people here read the time."""
    return datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _complain(text: str) -> None:
    err.print(f"error: {text}", highlight=False, markup=False, soft_wrap=True)
