"""Waiting for a condition in this process, polled until a deadline."""

import asyncio
from collections.abc import Callable

POLL_S = 0.01


async def until(condition: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    """Wait for `condition`; AssertionError naming `what` if it does not come true within `within_s` seconds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        if asyncio.get_running_loop().time() >= deadline:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        await asyncio.sleep(POLL_S)
