"""How a part ends the task that it owns.

Once cancelled, a task of ours ends: where a library swallows a cancellation, whoever calls the library sees to it
(`state/redis_client.py`).
"""

from __future__ import annotations

import asyncio


async def ended(task: asyncio.Task[None] | None) -> None:
    """Cancel a task, if there is one, and wait until it has ended."""
    if task is not None:
        task.cancel()
        await asyncio.wait((task,))
