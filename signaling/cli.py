"""The commands that run signaling and let in: `tertulia signaling`, `tertulia token`.  The others are in `console/`."""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path
from typing import Annotated

import typer

from . import config as settings
from .addresses import networks
from .config import DEFAULT_DATA, DEFAULT_DOMAIN, SignalingConfig
from .console.parts import Data, Database, DatabasePassword, note, out, told_in_one_line
from .errors import StoreError
from .qss.identifiers import new_short_id
from .rates import rates
from .tokens import AccessTokens


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
    ring_keep: Annotated[
        float, typer.Option(metavar="S", help="Seconds that a ringing device may be away and still decide.")
    ] = 0.0,
    room_keep: Annotated[
        float, typer.Option(metavar="S", help="Seconds that a room outlives the leave of its last participant.")
    ] = 0.0,
    trust_proxy: Annotated[
        list[str] | None,
        typer.Option(metavar="NETWORK", help="A reverse proxy of yours, whose X-Forwarded-For is believed."),
    ] = None,
    keep_history_days: Annotated[
        float | None, typer.Option(metavar="N", help="Forget calls, audit and expired sessions that are older.")
    ] = None,
    rate: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Another limit, e.g. rings_per_min=120; docs/settings.md lists them."),
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
            ring_keep_s=ring_keep,
            room_keep_s=room_keep,
            trust_proxy=networks(trust_proxy or (), "--trust-proxy"),
            keep_history_days=keep_history_days,
            drain_timeout_s=drain_timeout,
            issuer=settings.issuer(issuer, jwks, audience, issuer_domain),
            cors_origins=tuple(cors_origin or ()),
            rates=rates(rate or ()),
        )
        asyncio.run(_serve(config))


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


async def _serve(config: SignalingConfig) -> None:
    from .app import serve

    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    ready.add_done_callback(lambda done: out.print(f"signaling at {done.result()}", highlight=False))
    await serve(config, on_ready=ready)


async def _token(data: Path, url: str, name: str) -> str:
    """A token of a session of its own, which is listed and revoked like any other."""
    from .store import Store

    store, session, now = await Store.open(url), new_short_id(), time.time()
    try:
        found = await store.users.by_name(name)
        if found is None:
            raise StoreError(f"no user {name[:64]!r} in {store.where}")
        await store.sessions.add(session, found.id, now + settings.ACCESS_TTL_S, "tertulia token")
        await note(store, "session.begin", session, found.domain, user=found.id)
    finally:
        await store.close()
    access = AccessTokens(settings.own_secrets(None, data))
    return access.make(found.id, now=now, ttl_s=settings.ACCESS_TTL_S, session=session)
