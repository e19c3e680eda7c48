"""A peer that cannot be had leaves a row without its figure, not the row unmeasured.

rows/* -> **beside** -> targets
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from tests.bench.effort import Unmeasured

Found = TypeVar("Found")


def beside(measure: Callable[[], Found]) -> tuple[Found | None, str]:
    """What a peer gave; or nothing, and why."""
    try:
        return measure(), ""
    except Unmeasured as error:
        return None, f"no figure of the peer: {error}"
