"""SAPI of a running server: every test of it runs as installations do, embedded and with servers of their own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.api import Api, asking
from tests.support.redis import RedisServer
from tests.support.signaling import Server, running

from ..conftest import Settings


@pytest.fixture
def backend(request: pytest.FixtureRequest, database_url: str) -> Settings:
    """The state beside each database: in memory beside SQLite, in Redis beside PostgreSQL."""
    if database_url.startswith("sqlite:"):
        return {}
    redis: RedisServer = request.getfixturevalue("redis")
    return {"redis": redis.url}


@pytest.fixture
async def server(tmp_path: Path, backend: Settings, database_url: str) -> AsyncIterator[Server]:
    async with running(tmp_path, database=database_url, **backend) as made:
        yield made


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with asking(server) as api:
        yield api
