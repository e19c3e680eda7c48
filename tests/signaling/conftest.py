"""A server, a node, and devices for the tests over real sockets.

Tests marked `both_backends` run twice: with the state in memory, and with it in Redis; with `postgres=True` the second
time on PostgreSQL as well, as installations of several processes have it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.in_test_node import InTestNode
from tests.support.postgres import Postgres, database_url, postgres
from tests.support.redis import RedisServer, running_redis
from tests.support.signaling import Server, running

__all__ = ["database_url", "postgres"]

Settings = dict[str, Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    marker = metafunc.definition.get_closest_marker("both_backends")
    if marker and "backend" in metafunc.fixturenames:
        shared = "redis and postgres" if marker.kwargs.get("postgres") else "redis"
        metafunc.parametrize("backend", ["memory", shared], indirect=True)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture
def redis(redis_server: RedisServer) -> RedisServer:
    """An empty Redis."""
    redis_server.empty()
    return redis_server


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Settings:
    """The settings of the state's backend."""
    wanted: str = getattr(request, "param", "memory")
    if wanted == "memory":
        return {}
    redis: RedisServer = request.getfixturevalue("redis")
    if wanted == "redis":
        return {"redis": redis.url}
    database: Postgres = request.getfixturevalue("postgres")
    return {"redis": redis.url, "database": database.database()}


@pytest.fixture
async def server(tmp_path: Path, backend: Settings) -> AsyncIterator[Server]:
    async with running(tmp_path, **backend) as made:
        yield made


@pytest.fixture
async def node(server: Server) -> InTestNode:
    return await server.node()
