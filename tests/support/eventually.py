"""Waiting for what other processes do: a condition polled until a deadline, never a bare sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05


async def eventually(probe: Callable[[], Awaitable[T | None]], what: str, within_s: float = 10.0) -> T:
    """The first truthy value of `probe`; AssertionError naming `what` if none comes within `within_s` seconds."""
    deadline = asyncio.get_running_loop().time() + within_s
    while True:
        if value := await probe():
            return value
        if asyncio.get_running_loop().time() >= deadline:
            raise AssertionError(f"{what}: not within {within_s:g} s")
        await asyncio.sleep(POLL_S)
