"""SAPI of a running server."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.support.api import Api, asking
from tests.support.signaling import Server


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with asking(server) as api:
        yield api
