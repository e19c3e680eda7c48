"""A server, a node, and devices for the tests over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.postgres import database_url, postgres
from tests.support.signaling import InTestNode, Server, running

__all__ = ["database_url", "postgres"]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    async with running(tmp_path) as made:
        yield made


@pytest.fixture
async def node(server: Server) -> InTestNode:
    return await server.node()
