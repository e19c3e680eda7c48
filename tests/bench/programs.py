"""Programs that serve until their standard input ends, and tell in their first line of output where.

targets, system -> **programs** -> tests.bench.node, tests.bench.system, tests.load.janus, tests.load.relay

Whoever starts one holds its standard input: if he dies, however he dies, it ends too.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

from tests.bench.effort import ROOT, Unmeasured

STOP_S = 60.0


class Program:
    """One that runs."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: IO[str]) -> None:
        self._name = name
        self._process = process
        self._log = log
        self.pid = process.pid
        self.told: dict[str, Any] = self._line()

    def ask(self) -> dict[str, Any]:
        """Its answer to an empty line."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Unmeasured(f"{self._name} ended with status {self._process.wait()}: {self._last_words()}")
        told: dict[str, Any] = json.loads(line)
        return told

    def _last_words(self) -> str:
        """The last line of its log."""
        self._log.seek(0)
        lines = self._log.read().strip().splitlines()
        return lines[-1] if lines else "it said nothing"


@contextmanager
def program(module: str, *arguments: str, cpu: int | None = None) -> Iterator[Program]:
    """`python -m module arguments`, kept on a core."""
    pinned = () if cpu is None else ("taskset", "-c", str(cpu))
    command = [*pinned, sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=log, text=True) as process,  # noqa: S603
    ):
        assert process.stdin is not None
        try:
            yield Program(module, process, log)
        finally:
            process.stdin.close()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
