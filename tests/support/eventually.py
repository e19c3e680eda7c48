"""Waiting for what other tasks and processes do: polled until a deadline, never a bare sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05  # of a question to another process
NEAR_POLL_S = 0.01  # of a look at this one


async def eventually(probe: Callable[[], Awaitable[T | None]], what: str, within_s: float = 10.0) -> T:
    """The first truthy value of `probe`; AssertionError naming `what` if none comes within `within_s` seconds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not (value := await probe()):
        await _later(deadline, what, within_s, POLL_S)
    return value


async def until(condition: Callable[[], object], what: str, within_s: float = 20.0) -> None:
    """Wait for `condition`; AssertionError naming `what` if it does not come true within `within_s` seconds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        await _later(deadline, what, within_s, NEAR_POLL_S)


async def _later(deadline: float, what: str, within_s: float, poll_s: float) -> None:
    if asyncio.get_running_loop().time() >= deadline:
        raise AssertionError(f"{what}: not within {within_s:g} s")
    await asyncio.sleep(poll_s)
