"""A core on loopback for each test."""

from collections.abc import Iterator

import pytest

from sfu._core import Core


@pytest.fixture
def core() -> Iterator[Core]:
    core = Core(host="127.0.0.1", udp_port=0, workers=1)
    yield core
    core.close()
