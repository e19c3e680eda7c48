"""CPU and memory of somebody else's process, and which CPUs may be named."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from agents.errors import ConfigError
from agents.load.server import ServerProcess, Usage, account, cpus

# A parent whose child burns CPU and ends, and who then waits.
BUSY = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "sum(range(6_000_000)); print('burnt', flush=True); input()"])
print("over", flush=True)
input()
"""
HERE = min(os.sched_getaffinity(0))


@pytest.fixture
def busy() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", BUSY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_children_count_and_are_not_forgotten_when_they_end(busy: subprocess.Popen[str]) -> None:
    server = ServerProcess(busy.pid)
    assert line(busy) == "burnt"
    while_there = server.usage()
    assert while_there.cpu_s > 0.05
    assert while_there.rss > 2 * 5_000_000
    assert busy.stdin is not None
    busy.stdin.write("\n")
    assert line(busy) == "over"
    after = server.usage()
    assert after.cpu_s >= while_there.cpu_s
    assert after.rss < while_there.rss
    busy.kill()
    busy.wait()
    assert server.usage().cpu_s >= after.cpu_s


def test_every_thread_of_it_is_pinned(busy: subprocess.Popen[str]) -> None:
    assert line(busy) == "burnt"
    server = ServerProcess(busy.pid)
    server.pin((HERE,))
    children = [process.pid for process in server._all()]
    assert len(children) == 2
    assert [os.sched_getaffinity(pid) for pid in children] == [{HERE}, {HERE}]


def test_a_process_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="--server-pid 4194305: there is no such process"):
        ServerProcess(4_194_305)


def test_cpus_are_given_as_taskset_takes_them() -> None:
    every = sorted(os.sched_getaffinity(0))
    assert cpus("pin-tester", str(HERE)) == (HERE,)
    assert cpus("pin-tester", ",".join(map(str, reversed(every)))) == tuple(every)
    assert cpus("pin-tester", f"{HERE}-{HERE}") == (HERE,)


@pytest.mark.parametrize("text", ["", "a", "1-", "-1", "1,,2", "99999", "0-99999", "4000"])
def test_cpus_that_are_not_there_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--pin-server"):
        cpus("pin-server", text)


def test_the_account_is_of_the_measured_time_and_the_packets_that_came() -> None:
    told = account(7, Usage(10.0, 100), Usage(12.0, 150), 170, seconds=4.0, packets=1_000_000)
    assert told == {
        "pid": 7,
        "cpu_s": 2.0,
        "cpu_share": 0.5,
        "us_per_packet": 2.0,
        "rss_before": 100,
        "rss_after": 150,
        "rss_peak": 170,
    }
    assert account(7, Usage(), Usage(), 0, seconds=0.0, packets=0)["us_per_packet"] is None
