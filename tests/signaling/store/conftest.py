"""A store over an empty database of each kind."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from signaling.store import Store


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    made = await Store.open(database_url)
    yield made
    await made.close()
