"""Fixtures of the end-to-end tests: the system, and browsers in front of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.browser import Tabs, chromium
from tests.support.system import System, running_system

SHORT_RING_S = 3.0


@pytest.fixture
async def system(tmp_path: Path) -> AsyncIterator[System]:
    """Signaling and a node with accounts alice, bob and carol."""
    async with running_system(tmp_path, "alice", "bob", "carol") as system:
        yield system


@pytest.fixture
async def short_ringing_system(tmp_path: Path) -> AsyncIterator[System]:
    """As `system`, where an invitation ends after SHORT_RING_S."""
    async with running_system(tmp_path, "alice", "bob", ring_timeout_s=SHORT_RING_S) as system:
        yield system


@pytest.fixture
async def tabs(system: System) -> AsyncIterator[Tabs]:
    """Chromium in front of `system`."""
    async with chromium(system.url) as tabs:
        yield tabs
