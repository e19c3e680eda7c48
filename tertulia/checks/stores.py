"""Redis and the database: reachable, fit, and with our time."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from signaling.errors import ConfigError, StoreAway, StoreError
from signaling.store.database import Database
from signaling.store.migrate import HEAD, version_of

from .finding import Finding, broken, ok, warning

OLDEST_REDIS = (6, 2)  # XAUTOCLAIM
CLOCK_S = 1.0


async def redis(url: str, password: str | None = None) -> list[Finding]:
    """Whether Redis answers and keeps what it is given."""
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    fix = "start redis-server, check --redis, and give the password by --redis-password-file"
    given: dict[str, Any] = {"password": password} if password else {}
    try:
        client: Any = Redis.from_url(url, **given, socket_timeout=5, socket_connect_timeout=5)
    except ValueError as error:
        return [broken("Redis", f"cannot be used: {error}", fix)]
    try:
        await client.ping()
        server, saving = await client.info("server"), await client.info("persistence")
        memory = await client.info("memory")
        seconds, micros = await client.time()
        return redis_findings(server | saving | memory, seconds + micros / 1e6 - time.time())
    except (RedisError, OSError, ValueError, TypeError) as error:
        return [broken("Redis", f"cannot be used: {error}", fix)]
    finally:
        await client.aclose()


def redis_findings(info: dict[str, Any], offset_s: float) -> list[Finding]:
    """What Redis says of itself, judged."""
    version = str(info.get("redis_version", "0"))
    found = [ok("Redis", f"answers, version {version}")]
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_REDIS:
        found[0] = broken("Redis", f"version {version} is too old", "install Redis 6.2 or later")
    if not info.get("aof_enabled"):
        fix = "set `appendonly yes`: without it a restart of Redis ends the calls that ring"
        found.append(warning("Redis persistence", "nothing is kept over its restart", fix))
    else:
        found.append(ok("Redis persistence", "append-only file"))
    policy = str(info.get("maxmemory_policy", ""))
    if policy == "noeviction":
        found.append(ok("Redis memory", "nothing is evicted"))
    else:
        fix = "set `maxmemory-policy noeviction`: evicted keys are calls that disappear"
        found.append(broken("Redis memory", f"evicts keys when it is full ({policy})", fix))
    if abs(offset_s) > CLOCK_S:
        fix = "run chrony or systemd-timesyncd on both machines"
        found.append(warning("Redis clock", f"{offset_s:+.1f} s off this machine", fix))
    return found


async def database(url: str) -> Finding:
    """Whether the database can be used, and has our version."""
    fix = "start it, and check --database and its password; users and history are in it"
    try:
        opened = Database.at(url)
    except ConfigError as error:
        return broken("database", str(error), "give --database sqlite:///FILE or postgresql://USER@HOST/NAME")
    try:
        async with opened.writing() as connection:
            await connection.execute(text("SELECT 1"))
            version = await connection.run_sync(version_of)
    except (StoreAway, StoreError, SQLAlchemyError, DBAPIError, OSError) as error:
        return broken("database", f"{opened.where} cannot be used: {error}", fix)
    finally:
        await opened.close()
    return database_version(opened.where, version)


def database_version(where: str, version: str | None) -> Finding:
    """Whether the database is of this program's version."""
    if version == HEAD:
        return ok("database", f"{where}, version {version}")
    if version is None:
        return warning("database", f"{where} is empty", "nothing to do: the first start of signaling makes its tables")
    if version < HEAD:
        return warning("database", f"{where} has version {version}", f"the next start of signaling brings it to {HEAD}")
    return broken("database", f"{where} has the later version {version}", "install the program that made it, or newer")
