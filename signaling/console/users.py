"""`tertulia user`: list, add and remove users, their passwords and what they may.

Changes act at once in every process.  Devices that are connected stay so: SAPI, which knows them, sends them away.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich import box
from rich.table import Table

from .. import config as settings
from ..config import DEFAULT_DATA, DEFAULT_DOMAIN
from ..errors import ConfigError, StoreError
from .parts import (
    AsJson,
    Data,
    Database,
    DatabasePassword,
    cell,
    database_at,
    local_time,
    note,
    out,
    told_in_one_line,
    user_called,
    with_store,
)

if TYPE_CHECKING:
    from ..store import Store, User

PAGE: Final = 200  # users read at once
SWITCH: Final = {"on": True, "off": False}

user = typer.Typer(help="Users, their passwords and what they may.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="A user name, name@domain, or a user's id.")]
PasswordFile = Annotated[Path, typer.Option(metavar="FILE", help="Its first line is the password.")]


@user.command("list")
def list_users(
    domain: Annotated[str | None, typer.Option(help="Only those of this tenant.")] = None,
    as_json: AsJson = False,
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """List users by domain and name."""

    async def read(store: Store) -> list[User]:
        return [found async for found in _users(store, domain)]

    with told_in_one_line():
        found = with_store(database_at(data, database, database_password_file), read)
        if as_json:
            out.out(json.dumps({"users": [_json(each) for each in found]}, indent=2), highlight=False)
        else:
            out.print(_table(found))


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="How the user is called; letters, digits, dot, dash, underscore.")],
    password_file: PasswordFile,
    domain: Annotated[str, typer.Option(help="The tenant the user belongs to.")] = DEFAULT_DOMAIN,
    display_name: Annotated[str, typer.Option(help="What people are shown.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="May change users and permissions of the domain.")] = False,
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Make a user."""

    async def add(store: Store) -> User:
        made = await store.users.add(name, domain, _hash(password), display_name, admin=admin)
        await _note(store, "user.add", made, username=made.name, admin=admin)
        return made

    with told_in_one_line():
        password = settings.read_secret(password_file, "--password-file")
        made = with_store(database_at(data, database, database_password_file, new=True), add)
        out.print(f"user {made.username} has the id {made.id}", highlight=False)


@user.command("remove")
def remove_user(
    name: Name,
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Remove a user with his sessions and memberships; call history keeps his id."""

    async def remove(store: Store) -> User:
        found = await user_called(store, name)
        await store.users.remove(found.id)
        await _note(store, "user.remove", found, username=found.name)
        return found

    with told_in_one_line():
        gone = with_store(database_at(data, database, database_password_file), remove)
        out.print(f"user {gone.username} ({gone.id}) is removed", highlight=False)


@user.command("set-password")
def set_password(
    name: Name,
    password_file: PasswordFile,
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Give a user another password, and end his sessions."""

    async def change(store: Store) -> tuple[User, int]:
        found = await user_called(store, name)
        await store.users.update(found.id, password_hash=_hash(password))
        ended = await store.sessions.revoke_all(found.id)
        await _note(store, "user.change", found, password=True)
        return found, len(ended)

    with told_in_one_line():
        password = settings.read_secret(password_file, "--password-file")
        found, ended = with_store(database_at(data, database, database_password_file), change)
        out.print(f"user {found.username} has a new password; sessions ended: {ended}", highlight=False)


@user.command("admin")
def set_admin(
    name: Name,
    switch: Annotated[str, typer.Argument(metavar="on|off")],
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Say whether a user administers his domain."""

    async def change(store: Store) -> User:
        found = await user_called(store, name)
        await store.users.update(found.id, admin=given)
        await _note(store, "user.change", found, admin=given)
        return found

    with told_in_one_line():
        given = _switch(switch, SWITCH)
        found = with_store(database_at(data, database, database_password_file), change)
        out.print(f"user {found.username} {'is' if given else 'is not'} an administrator", highlight=False)


@user.command("calls")
def set_calls(
    name: Name,
    switch: Annotated[str, typer.Argument(metavar="on|off|domain", help="domain: as his domain says.")],
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Say whether a user receives calls."""

    async def change(store: Store) -> User:
        found = await user_called(store, name)
        await store.users.set_receive_calls(found.id, given)
        action = "permission.user.clear" if given is None else "permission.user.set"
        await _note(store, action, found, receiveCalls=given)
        return await user_called(store, found.id)

    with told_in_one_line():
        given = _switch(switch, {**SWITCH, "domain": None})
        found = with_store(database_at(data, database, database_password_file), change)
        told = "receives calls" if found.receives_calls else "receives no calls"
        out.print(f"user {found.username} {told}", highlight=False)


def _switch(text: str, words: dict[str, Any]) -> Any:  # noqa: ANN401 - what the word stands for
    if text not in words:
        raise ConfigError("the last argument", f"must be {' or '.join(words)}, not {text[:32]!r}")
    return words[text]


def _hash(password: str) -> str:
    from ..store.passwords import hash_password

    return hash_password(password)


async def _note(store: Store, action: str, about: User, **detail: object) -> None:
    await note(store, action, about.id, about.domain, **detail)


async def _users(store: Store, domain: str | None) -> AsyncIterator[User]:
    if domain is not None and await store.domains.by_name(domain) is None:
        raise StoreError(f"no domain {domain[:64]!r} in {store.where}")
    for name in [domain] if domain is not None else [name async for name in _domains(store)]:
        page = await store.users.page(name, limit=PAGE)
        while page:
            for found in page:
                yield found
            page = await store.users.page(name, after=page[-1].name, limit=PAGE)


async def _domains(store: Store) -> AsyncIterator[str]:
    page = await store.domains.page(limit=PAGE)
    while page:
        for found in page:
            yield found.name
        page = await store.domains.page(after=page[-1].name, limit=PAGE)


def _table(found: list[User]) -> Table:
    table = Table("user", "shown as", "admin", "receives calls", "made", "id", box=box.SIMPLE)
    for each in found:
        calls = "yes" if each.receives_calls else "disabled" if each.disabled else "no"
        admin = "admin" if each.admin else ""
        table.add_row(cell(each.username), cell(each.display_name), admin, calls, local_time(each.created_ms), each.id)
    return table


def _json(each: User) -> dict[str, object]:
    return {
        "id": each.id,
        "username": each.name,
        "domain": each.domain,
        "displayName": each.display_name,
        "admin": each.admin,
        "disabled": each.disabled,
        "receivesCalls": each.receives_calls,
        "createdAt": each.created_ms,
    }
