"""The connection to Redis: commands and scripts that either are done within a second or raise StateAway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from functools import cache
from importlib import resources
from typing import Any, TypeVar

import redis.asyncio as redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import (
    ConnectionError as Unreachable,
)
from redis.exceptions import (
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
)
from redis.exceptions import (
    TimeoutError as TooSlow,
)

from common.log import FieldLog

from ..errors import ConfigError, StartError, StateAway
from . import codec

PREFIX = "tertulia:"
ANSWER_S = 1.0  # Redis takes microseconds; whoever waits longer is better told 503
BLOCK_S = 1.0  # how long a reader waits for news before it asks again
REST_S = 0.25  # after a failure everybody is told at once for this long
KEEP_S = 6 * 3600  # what no process has used or freshened for so long was left by processes that are all gone
CONNECTIONS = 64  # at once, of one process; more commands wait for their turn

T = TypeVar("T")
AWAY = (Unreachable, TooSlow, ReadOnlyError, OutOfMemoryError, OSError)

log = FieldLog(__name__)


@cache
def script(name: str) -> str:
    """The text of a script, with the prelude before it."""
    files = resources.files(__package__) / "lua"
    return (files / "prelude.lua").read_text() + (files / f"{name}.lua").read_text()


class Client:
    """One process's connections to Redis."""

    def __init__(self, url: str, password: str = "", keep_s: int = KEEP_S) -> None:
        self._keep_s = keep_s
        self._redis = _connect(url, password, ANSWER_S)
        self._reader = _connect(url, password, BLOCK_S + ANSWER_S)
        self._scripts: dict[str, str] = {}
        self._rests_until = 0.0
        self._answered_at = 0.0

    async def check(self, where: str) -> None:
        """See whether Redis is there and lets us in; raises StartError."""
        try:
            await self._redis.ping()
        except (RedisError, OSError) as error:
            raise StartError(f"cannot reach Redis at {where}: {error}") from None

    async def run(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - each script its own
        """Run a script."""
        packed = codec.encode(arguments)
        sha = self._scripts.get(name) or await self._load(name)
        try:
            return await self._answer(self._redis.evalsha(sha, 0, packed, self._keep_s))
        except NoScriptError:  # Redis has been restarted: nothing was done
            sha = await self._load(name)
            return await self._answer(self._redis.evalsha(sha, 0, packed, self._keep_s))

    async def do(self, *command: str | bytes | float) -> Any:  # noqa: ANN401
        """One command."""
        return await self._answer(self._redis.execute_command(*command))

    async def read(self, *command: str | bytes | float) -> Any:  # noqa: ANN401
        """One command that may wait for news."""
        return await self._answer(self._reader.execute_command(*command))

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
        await self._reader.aclose()

    async def _load(self, name: str) -> str:
        sha: str = await self._answer(self._redis.script_load(script(name)))
        self._scripts[name] = sha
        return sha

    async def _answer(self, command: Awaitable[T]) -> T:
        if time.monotonic() < self._rests_until:
            _never(command)
            raise StateAway
        asked_at = time.monotonic()
        try:
            answer = await cancellable(command)
        except AWAY as error:
            # Where others were answered meanwhile, it is this connection that was lost, and nobody else need rest.
            if self._answered_at <= asked_at:
                self._rests_until = time.monotonic() + REST_S
            log.warning("state_away", error=type(error).__name__)
            raise StateAway from None
        self._answered_at = time.monotonic()
        return answer


async def cancellable(command: Awaitable[T]) -> T:
    """The command; a cancellation counts, though the library may swallow it.

    It sends by `asyncio.wait_for`, which before Python 3.12 forgets a cancellation that comes when all is sent, or when
    sending has failed: whoever waits with a timeout would then wait for ever.  The task itself does not forget.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        return await command
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError


def _never(command: Awaitable[object]) -> None:
    """The command is not sent after all."""
    close = getattr(command, "close", None)
    if close is not None:
        close()


def _connect(url: str, password: str, timeout_s: float) -> Any:  # noqa: ANN401 - its types promise less than it does
    try:
        pool: Any = redis.BlockingConnectionPool.from_url(
            url,
            **({"password": password} if password else {}),
            timeout=ANSWER_S,
            max_connections=CONNECTIONS,
            protocol=2,
            socket_timeout=timeout_s,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),  # whether a command was done is for us to find out
        )
        pool.make_connection()  # not opened: options behind the `?` are looked at only here
    except (ValueError, TypeError):
        raise ConfigError("--redis", "has an option behind the `?` that is none, or has no such value") from None
    return redis.Redis.from_pool(pool)
