"""Programs that are measured end with whoever started them, and say why they could not start."""

from __future__ import annotations

import psutil
import pytest

from tests.bench.effort import Unmeasured
from tests.bench.programs import program


def test_a_node_alone_tells_where_it_serves_and_what_it_counts_and_ends() -> None:
    with program("tests.bench.node", "alone", "1", "2", "1") as node:
        assert node.told["url"].startswith("http://127.0.0.1:")
        assert len(node.told["tokens"]) == 2
        assert node.ask()["messages_out"] == 0
        assert psutil.pid_exists(node.pid)
    assert not psutil.pid_exists(node.pid)


def test_a_program_that_does_not_start_says_why() -> None:
    with (
        pytest.raises(Unmeasured, match=r"tests.bench.node ended with status 1: .*nonsense"),
        program("tests.bench.node", "alone", "1", "1", "nonsense"),
    ):
        pass
