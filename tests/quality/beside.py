"""A direct call that cannot be had leaves a row without its yardstick, not the row unmeasured.

rows/* -> **beside** -> stage
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from playwright.async_api import Error as BrowserError

from tests.bench.effort import Unmeasured

Found = TypeVar("Found")


async def beside(direct: Awaitable[Found]) -> tuple[Found | None, str]:
    """What the direct call gave, and that in words; or nothing, and why."""
    try:
        found = await direct
    except (Unmeasured, BrowserError) as error:
        return None, f"no direct call: {str(error).splitlines()[0]}"
    return found, f"direct: {found}"
