"""A process tree with one owner: children are started, watched, restarted and ended here.

A child that dies is started again after a pause that doubles while it keeps dying.  A child that leaves with
status 2 was started wrongly (a bad flag, a bad file): trying again has no use, so the whole tree ends; so it does when
a child can't be started at all (a taken port).

Children get a session of their own, so that Ctrl-C reaches only the parent, which ends them in reverse order of
their start; and they are told by the kernel if the parent is killed, so that none is ever left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

BAD_START = 2
"""Exit status of a child whose flags or surroundings make every start fail."""
FIRST_PAUSE_S = 0.25
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 30.0
"""A child that ran this long starts from the first pause again."""
STOP_GRACE_S = 15.0
"""Time between SIGTERM and SIGKILL for a child that says nothing else: more than a node takes to see its peers off."""
READY_POLL_S = 0.05

PR_SET_PDEATHSIG = 1  # prctl(2)
_LIBC = ctypes.CDLL(None, use_errno=True)


class ChildFailedError(Exception):
    """A child can't be started; the child has said why on standard error."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name} could not be started (exit status {status})")
        self.name = name
        self.status = status


@dataclass(frozen=True, slots=True)
class Child:
    """One child process: what to run, and where it says that it is ready."""

    name: str
    arguments: tuple[str, ...]
    """After `tertulia`."""
    ready_url: str | None = None
    """Answers 200 once the child serves; None = ready at once."""
    stop_grace_s: float = STOP_GRACE_S
    """Time between SIGTERM and SIGKILL."""


def next_pause(pause_s: float, ran_s: float) -> float:
    """How long to wait before starting a child again that waited `pause_s` last time and then ran `ran_s`."""
    return FIRST_PAUSE_S if ran_s >= STEADY_AFTER_S else min(max(pause_s * 2, FIRST_PAUSE_S), LONGEST_PAUSE_S)


class Supervisor:
    """Owns its children from `start` to `stop`."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        # Ours; `stop` ends them, last started first.
        self._processes: dict[Child, asyncio.subprocess.Process] = {}
        self._watchers: list[asyncio.Task[None]] = []
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, child: Child) -> None:
        """Start `child`, wait until it is ready, and watch it from then on.

        Raises ChildFailedError if it ends before it is ready.
        """
        process = await self._spawn(child)
        await self._ready(child, process)
        self._watchers.append(asyncio.create_task(self._watch(child, process), name=f"watch {child.name}"))

    async def run(self) -> None:
        """Wait for ever; raises ChildFailedError when a child can't be started again."""
        await asyncio.shield(self._failed)

    async def stop(self) -> None:
        """End every child, last started first.  Harmless when called twice."""
        for watcher in self._watchers:
            watcher.cancel()
        await asyncio.gather(*self._watchers, return_exceptions=True)
        self._watchers.clear()
        for child in reversed(list(self._processes)):
            await self._end(self._processes.pop(child), child.stop_grace_s)
        self._failed.cancel()

    async def _spawn(self, child: Child) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tertulia",
            *child.arguments,
            stdin=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._processes[child] = process
        return process

    async def _ready(self, child: Child, process: asyncio.subprocess.Process) -> None:
        if child.ready_url is None:
            return
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as http:
            while process.returncode is None:
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with http.get(child.ready_url) as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(READY_POLL_S)
        raise ChildFailedError(child.name, process.returncode)

    async def _watch(self, child: Child, process: asyncio.subprocess.Process) -> None:
        pause_s = 0.0
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            status = await process.wait()
            if status == BAD_START:
                self._failed.set_exception(ChildFailedError(child.name, status))
                return
            pause_s = next_pause(pause_s, loop.time() - started)
            self._say(f"{child.name} ended with status {status}; starting it again in {pause_s:g} s")
            await asyncio.sleep(pause_s)
            process = await self._spawn(child)

    async def _end(self, process: asyncio.subprocess.Process, grace_s: float) -> None:
        if process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), grace_s)
        except TimeoutError:
            process.kill()
            await process.wait()


def _die_with_parent() -> None:
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
