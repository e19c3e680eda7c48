"""The commands of signaling: `tertulia signaling`, `tertulia user add`, `tertulia token`.

Whatever the user got wrong is one line on stderr and exit code 2; what fails at run time, one line and exit code 1.
Server and database are imported by the commands that need them: the console's other commands need not wait for them.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from . import config as settings
from .addresses import networks
from .config import DEFAULT_DATA, DEFAULT_DOMAIN, SignalingConfig
from .errors import ConfigError, StartError, StoreError
from .qss.identifiers import new_short_id
from .tokens import AccessTokens

if TYPE_CHECKING:
    from .store import User

out = Console()
err = Console(stderr=True)

user = typer.Typer(help="Users and their passwords.", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", metavar="DIR", help="Database and secrets.")]
Database = Annotated[
    str | None,
    typer.Option(metavar="URL", help="postgresql://USER@HOST/NAME, or sqlite:///FILE; else TERTULIA_DATABASE."),
]
DatabasePassword = Annotated[Path | None, typer.Option(metavar="FILE", help="Its first line is the password.")]
Admin = Annotated[bool, typer.Option("--admin", help="May change users and permissions of the domain.")]


def signaling(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port to listen on; 0 takes any free one.")] = 8080,
    data: Data = DEFAULT_DATA,
    web: Annotated[Path | None, typer.Option(metavar="DIR", help="The built page.")] = None,
    node_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="What nodes may present, one a line; else TERTULIA_NODE_SECRET.")
    ] = None,
    secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Makes tokens: the first line; the others still check. Else TERTULIA_SECRET."
        ),
    ] = None,
    redis: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Redis that several processes share their state in; else TERTULIA_REDIS."),
    ] = None,
    redis_password_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Password of Redis; else TERTULIA_REDIS_PASSWORD.")
    ] = None,
    database: Database = None,
    database_password_file: DatabasePassword = None,
    stun: Annotated[list[str] | None, typer.Option(metavar="URL", help="STUN server told to devices.")] = None,
    turn: Annotated[list[str] | None, typer.Option(metavar="URL", help="TURN server told to devices.")] = None,
    turn_secret_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Secret shared with the TURN server.")
    ] = None,
    issuer: Annotated[str | None, typer.Option(metavar="URL", help="Whose tokens sign in as well (its `iss`).")] = None,
    jwks: Annotated[str | None, typer.Option(metavar="URL", help="Where the issuer's public keys are.")] = None,
    audience: Annotated[str | None, typer.Option(help="What the issuer's tokens must be meant for.")] = None,
    issuer_domain: Annotated[str, typer.Option(metavar="DOMAIN", help="Where its users are made.")] = DEFAULT_DOMAIN,
    cors_origin: Annotated[
        list[str] | None, typer.Option(metavar="ORIGIN", help="Pages elsewhere that may call; * is any.")
    ] = None,
    ring_timeout: Annotated[float, typer.Option(metavar="S", help="Seconds until an unanswered call ends.")] = 30.0,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="NETWORK", help="A reverse proxy of yours, whose X-Forwarded-For is believed."),
    ] = None,
    drain_timeout: Annotated[float, typer.Option(metavar="S", help="Seconds that a stop may take at most.")] = 10.0,
) -> None:
    """Serve signaling: devices, rooms, invitations, and the nodes that carry the media."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with told_in_one_line():
        config = SignalingConfig(
            host=host,
            port=port,
            data=data,
            web=settings.web_directory(web),
            secrets=settings.own_secrets(secret_file, data),
            node_secrets=settings.node_secrets(node_secret_file, data),
            database=settings.database_url(database, database_password_file, data),
            redis=settings.redis_url(redis),
            redis_password=settings.redis_password(redis_password_file),
            stun=tuple(stun or ()),
            turn=tuple(turn or ()),
            turn_secret=settings.read_secret(turn_secret_file, "--turn-secret-file") if turn_secret_file else "",
            ring_timeout_s=ring_timeout,
            trust_proxy=networks(trust_proxy or (), "--trust-proxy"),
            drain_timeout_s=drain_timeout,
            issuer=settings.issuer(issuer, jwks, audience, issuer_domain),
            cors_origins=tuple(cors_origin or ()),
        )
        asyncio.run(_serve(config))


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="How the user is called; letters, digits, dot, dash, underscore.")],
    password_file: Annotated[Path, typer.Option(metavar="FILE", help="Its first line is the password.")],
    domain: Annotated[str, typer.Option(help="The tenant the user belongs to.")] = DEFAULT_DOMAIN,
    admin: Admin = False,
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Make a user."""
    with told_in_one_line():
        password = settings.read_secret(password_file, "--password-file")
        settings.make_data_directory(data)
        made = asyncio.run(
            _add(settings.database_url(database, database_password_file, data), name, domain, password, admin)
        )
        out.print(f"user {made.username} has the id {made.id}", highlight=False)


@user.callback()
def users() -> None:
    """Users and their passwords."""


def token(
    name: Annotated[str, typer.Argument(help="A user name, or name@domain.")],
    data: Data = DEFAULT_DATA,
    database: Database = None,
    database_password_file: DatabasePassword = None,
) -> None:
    """Print an access token of a user."""
    with told_in_one_line():
        settings.make_data_directory(data)
        url = settings.database_url(database, database_password_file, data)
        out.print(asyncio.run(_token(data, url, name)), highlight=False, soft_wrap=True)


@contextmanager
def told_in_one_line() -> Iterator[None]:
    """Say what went wrong in one line, and end with its exit code."""
    try:
        yield
    except ConfigError as error:
        _complain(error)
        raise typer.Exit(2) from None
    except (StartError, StoreError) as error:
        _complain(error)
        raise typer.Exit(1) from None


def _complain(error: Exception) -> None:
    err.print(f"error: {error}", highlight=False, markup=False, soft_wrap=True)


async def _serve(config: SignalingConfig) -> None:
    from .app import serve

    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ready.add_done_callback(lambda done: out.print(f"signaling at {done.result()}", highlight=False))
    await serve(config, on_ready=ready)


async def _add(url: str, name: str, domain: str, password: str, admin: bool) -> User:
    from .store import Store
    from .store.passwords import hash_password

    store = await Store.open(url)
    try:
        return await store.users.add(name, domain, hash_password(password), admin=admin)
    finally:
        await store.close()


async def _token(data: Path, url: str, name: str) -> str:
    """A token of a session of its own, which is listed and revoked like any other."""
    from .store import Store

    store, session, now = await Store.open(url), new_short_id(), time.time()
    try:
        found = await store.users.by_name(name)
        if found is None:
            raise StoreError(f"no user {name!r} in {data}")
        await store.sessions.add(session, found.id, now + settings.ACCESS_TTL_S, "tertulia token")
    finally:
        await store.close()
    access = AccessTokens(settings.own_secrets(None, data))
    return access.make(found.id, now=now, ttl_s=settings.ACCESS_TTL_S, session=session)
