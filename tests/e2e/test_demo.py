"""What the first command of the README promises."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.browser import Tab, chromium
from tests.support.ports import free_tcp_port, free_udp_port
from tests.support.system import console

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]


async def read_until(stream: asyncio.StreamReader, marker: str, within_s: float = 60.0) -> str:
    """All that `stream` gives up to the line with `marker`."""
    text = ""
    async with asyncio.timeout(within_s):
        while marker not in text:
            line = await stream.readline()
            assert line, text
            text += line.decode()
    return text


async def test_the_demo_prints_an_address_and_an_account_and_its_bot_answers(tmp_path: Path) -> None:
    port = free_tcp_port()
    flags = ("--port", str(port), "--udp-port", str(free_udp_port()), "--workers", "1", "--data", str(tmp_path))
    demo = await console("demo", *flags)
    assert demo.stdout is not None
    try:
        welcome = await read_until(demo.stdout, "Ctrl-C")
        account = re.search(r"Sign in as\s+alice\s+password\s+(\S+)", welcome)
        assert account is not None, welcome
        assert f"http://127.0.0.1:{port}" in welcome
        children = psutil.Process(demo.pid).children(recursive=True)
        async with chromium(f"http://127.0.0.1:{port}") as tabs:
            alice: Tab = await tabs.open("alice", account[1])
            await alice.call_when_online("bot")
            await alice.decodes(50)
    finally:
        with contextlib.suppress(ProcessLookupError):
            demo.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(demo.communicate(), 30)
    assert (demo.returncode, b"Traceback" in err) == (0, False), err.decode()
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
