"""What tests of the stage share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.effort import Bench, Cores
from tests.quality.__main__ import QUICK


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """A bench that measures briefly and tells nobody."""
    return Bench(QUICK, Cores.of_this_machine(), tmp_path, lambda _text: None)
