"""`tertulia node` as a process: it starts, ends cleanly, and says in one line why it cannot start."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from sfu.yielding import NICENESS
from tests.support.eventually import until
from tests.support.stand_in import SECRET, Signaling


async def node(*arguments: str, secret: str = SECRET) -> asyncio.subprocess.Process:
    """Start the command."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import typer, sfu.cli; typer.run(sfu.cli.node)",
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"TERTULIA_NODE_SECRET": secret, "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path.cwd())},
    )


def ports(*, tcp: int = 0, udp: int = 0) -> list[str]:
    """Options for these ports, and one worker."""
    return ["--port", str(tcp), "--udp-port", str(udp), "--workers", "1"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_node_starts_registers_and_ends_cleanly(number: signal.Signals) -> None:
    signaling = await Signaling().start()
    process = await node("--signaling", f"http://127.0.0.1:{signaling.port}", *ports())
    assert process.stdout is not None
    line = (await asyncio.wait_for(process.stdout.readline(), 30)).decode()
    assert line.startswith("node ready: http port ")
    await signaling.registered(30)
    process.send_signal(number)
    _, errors = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 0
    assert b"Traceback" not in errors
    await signaling.stop()


def niceness(pid: int) -> dict[str, set[int]]:
    """Of a process's threads, by their names (proc_pid_stat(5): field 19)."""
    found: dict[str, set[int]] = {}
    for stat in Path(f"/proc/{pid}/task").glob("*/stat"):
        before, _, after = stat.read_text().rpartition(")")
        found.setdefault(before.partition("(")[2], set()).add(int(after.split()[16]))
    return found


async def test_the_cores_threads_come_before_python() -> None:
    process = await node("--signaling", "http://127.0.0.1:9", *ports())
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), 30)
    assert line, "the node ended before it was ready"
    # A thread names itself when it first runs, which may be after the node has said that it is ready.
    await until(lambda: "core-0" in niceness(process.pid), "the core's thread has its name")
    threads = niceness(process.pid)
    core, others = threads.pop("core-0"), set().union(*threads.values())
    assert len(core) == 1
    assert min(others) == min(19, max(core) + NICENESS)
    process.send_signal(signal.SIGTERM)
    await asyncio.wait_for(process.communicate(), 15)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--signaling", "nowhere"], 2, "error: URL must look like"),
        (["--signaling", "http://127.0.0.1:9", "--name", "x"], 2, "error: name must be"),
        (
            ["--signaling", "http://127.0.0.1:9", "--secret-file", "/nonexistent"],
            2,
            "error: secret file cannot be read",
        ),
    ],
)
async def test_a_bad_setting_is_one_line_and_exit_2(arguments: list[str], code: int, words: str) -> None:
    process = await node(*arguments, *ports())
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == code
    assert errors.decode().startswith(words)
    assert errors.count(b"\n") == 1


async def test_a_taken_port_is_one_line_and_exit_1() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await node("--signaling", "http://127.0.0.1:9", *ports(tcp=port))
    _, errors = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 1
    assert f"error: cannot listen on TCP 127.0.0.1:{port}: address already in use" in errors.decode()
    assert b"Traceback" not in errors
    server.close()
    await server.wait_closed()
