"""A throw-away Redis: Debian's `redis-server` on a free port, with its data in a directory of the test's."""

from __future__ import annotations

import contextlib
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from tests.support.ports import free_tcp_port

START_S = 10.0


class RedisServer:
    """Started, stopped and started again by the test; what it holds survives that."""

    def __init__(self, directory: Path, password: str = "") -> None:
        self.port = free_tcp_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._directory = directory
        self._password = password
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve, with what was written before."""
        binary = shutil.which("redis-server")
        if binary is None:
            pytest.fail("Redis is not installed: run tools/servers.sh")
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self._directory),
            "appendonly": "yes",
            # What was written outlives the process without it, and a busy disk would hold every command up.
            "appendfsync": "no",
            "auto-aof-rewrite-percentage": "0",
            "save": "",
            "requirepass": self._password,
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen(  # noqa: S603 - Debian's server, our own words
            [binary, *words],
            stdout=subprocess.DEVNULL,
        )
        self._wait()

    def stop(self) -> None:
        """End it, with what it holds written."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word."""
        self._end(signal.SIGKILL)

    def empty(self) -> None:
        """Forget everything."""
        with self.client() as client:
            client.flushall()

    def client(self) -> redis.Redis:
        """A connection for looking at what is there."""
        return redis.Redis(port=self.port, password=self._password or None, protocol=2)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_S)
            self._process = None

    def _wait(self) -> None:
        deadline = time.monotonic() + START_S
        while not self._answers():
            assert self._process is not None
            assert self._process.poll() is None, "redis-server ended at once"
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.02)

    def _answers(self) -> bool:
        with self.client() as client, contextlib.suppress(redis.exceptions.ConnectionError):
            return bool(client.ping())
        return False


@contextmanager
def running_redis(directory: Path, password: str = "") -> Iterator[RedisServer]:
    """A server, ended with the test."""
    server = RedisServer(directory, password)
    server.start()
    try:
        yield server
    finally:
        server.stop()
