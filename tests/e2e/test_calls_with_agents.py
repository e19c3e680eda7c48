"""Calls between a real browser and a headless agent, as the README starts it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Tabs
from tests.support.system import System, console

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

SAMPLES = Path(__file__).parents[2] / "media-samples"
FRAMES = 75
CALL_S = 8
"""How long the agent stays in the call."""


def agent_flags(system: System, user: str, clip: str) -> tuple[str, ...]:
    """What every agent here is started with."""
    password = system.data / f"{user}.password"
    flags = ("--url", system.url, "--user", user, "--password-file", str(password))
    return ("agent", *flags, "--play", str(SAMPLES / clip), "--loop", "--json")


async def report(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The JSON object that an agent prints at its end."""
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)  # type: ignore[no-any-return]


@pytest.mark.parametrize("clip", ["count-vp8-opus.webm", "count-h264-aac.mp4"])
async def test_an_agent_calls_a_browser_and_each_decodes_the_other(system: System, tabs: Tabs, clip: str) -> None:
    bob = await tabs.open("bob")
    agent = await console(*agent_flags(system, "alice", clip), "--call", "bob", "--duration", str(CALL_S))
    await bob.click("accept")
    seen = await bob.decodes(FRAMES)
    assert seen.videos == 1
    told = await report(agent)
    assert told["call"]["result"] == "accepted"
    (received,) = told["received"].values()
    assert received["video"]["frames"] > FRAMES
    assert received["audio"]["seconds"] > CALL_S / 2
    await bob.sees("callee", within_s=30)


async def test_a_browser_calls_an_agent_and_each_decodes_the_other(system: System, tabs: Tabs) -> None:
    alice = await tabs.open("alice")
    agent = await console(*agent_flags(system, "bob", "count-vp8-opus.webm"), "--answer")
    await alice.call_when_online("bob")
    await alice.decodes(FRAMES)
    await alice.click("hang-up")
    await alice.sees("callee")
    agent.send_signal(signal.SIGINT)
    (received,) = (await report(agent))["received"].values()
    assert received["video"]["frames"] > FRAMES / 2
    assert received["audio"]["packets"] > 0


async def test_an_agent_that_is_declined_says_so(system: System, tabs: Tabs) -> None:
    bob = await tabs.open("bob")
    agent = await console(*agent_flags(system, "alice", "count-vp8-opus.webm"), "--call", "bob")
    await bob.click("decline")
    out, err = await asyncio.wait_for(agent.communicate(), 60)
    assert agent.returncode == 1
    assert json.loads(out)["call"]["result"] == "declined"
    assert b"Traceback" not in err
