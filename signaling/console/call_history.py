"""`tertulia call history`: who called whom, what came of it, and how it ended at each device that rang."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ..config import DEFAULT_DATA, DEFAULT_DOMAIN
from ..errors import ConfigError, StoreError
from .parts import AsJson, Data, Database, DatabasePassword, database_at, out, told_in_one_line, with_store
from .when import since_ms

if TYPE_CHECKING:
    from ..store import Store
    from .call_views import History

MOST: Final = 1000  # calls at once; `--since` and `--user` narrow the rest

call = typer.Typer(help="Calls.", no_args_is_help=True)


@call.callback()
def calls() -> None:
    """Calls."""


@call.command("history")
def history(
    user: Annotated[str | None, typer.Option(metavar="NAME", help="Only his: a name, name@domain or id.")] = None,
    missed: Annotated[
        bool, typer.Option("--missed", help="Only those that were missed, by him or by anybody.")
    ] = False,
    since: Annotated[str | None, typer.Option(metavar="WHEN", help="30m, 12h, 7d, or 2026-11-01T10:00.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", help="The newest N.")] = 50,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Show the newest calls."""

    async def read(store: Store) -> History:
        return await _read(store, user, missed, since_at, limit)

    with told_in_one_line():
        if not 1 <= limit <= MOST:
            raise ConfigError("--limit", f"must be 1 to {MOST}, not {limit}")
        since_at = since_ms(since, time.time()) if since is not None else None
        found = with_store(database_at(data, database, database_password_file), read)
        if as_json:
            out.out(json.dumps(found.as_json(), indent=2), highlight=False)
        else:
            out.print(found.as_table())


async def _read(store: Store, user: str | None, missed: bool, since_at: int | None, limit: int) -> History:
    from ..store.history import CallFilter
    from .call_views import History

    whose = await _id_of(store, user) if user is not None else None
    sought = CallFilter(user=whose, missed=missed or None, since_ms=since_at)
    return await History.of(store, await store.calls.list(sought, limit=limit), whose)


async def _id_of(store: Store, reference: str) -> str:
    """Whose history is meant.  It outlives its users: the id of one who was removed is as good."""
    from ..store.texts import SHORT_ID

    found = await store.users.resolve(reference, DEFAULT_DOMAIN)
    if found is None and not SHORT_ID.fullmatch(reference):
        raise StoreError(f"no user {reference[:64]!r} in {store.where}")
    return found.id if found else reference
