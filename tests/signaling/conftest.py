"""A server, a node, and devices for the tests over real sockets.

Tests marked `both_backends` run twice: with the state in memory, and with it in Redis.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.in_test_node import InTestNode
from tests.support.postgres import database_url, postgres
from tests.support.redis import RedisServer, running_redis
from tests.support.signaling import Server, running

__all__ = ["database_url", "postgres"]

Settings = dict[str, Any]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames and metafunc.definition.get_closest_marker("both_backends"):
        metafunc.parametrize("backend", ["memory", "redis"], indirect=True)


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
    if getattr(request, "param", "memory") == "memory":
        return {}
    redis: RedisServer = request.getfixturevalue("redis")
    return {"redis": redis.url}


@pytest.fixture
async def server(tmp_path: Path, backend: Settings) -> AsyncIterator[Server]:
    async with running(tmp_path, **backend) as made:
        yield made


@pytest.fixture
async def node(server: Server) -> InTestNode:
    return await server.node()
