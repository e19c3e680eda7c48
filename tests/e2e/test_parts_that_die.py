"""What people in a call notice when a process dies in the middle of it."""

from __future__ import annotations

import pytest

from tests.e2e.test_calls_between_chromium_tabs import call_up
from tests.support.browser import Tabs
from tests.support.system import System

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

FRAMES = 40


async def test_media_survives_the_death_of_signaling_and_the_call_ends_as_ever(system: System, tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    await alice.decodes(FRAMES)
    await system.kill("signaling")
    for tab in (alice, bob):
        await tab.decodes(2 * FRAMES)
    await system.start_signaling()
    await bob.sees_no("reconnecting", within_s=30)
    await alice.sees_no("reconnecting", within_s=30)
    await bob.decodes(FRAMES)
    await bob.click("hang-up")
    await alice.sees("callee", within_s=30)


async def test_the_death_of_the_node_is_told_and_the_next_call_works(system: System, tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    await alice.decodes(FRAMES)
    await system.kill("node")
    await system.start_node()
    for tab in (alice, bob):
        await tab.reads("media server", within_s=40)
        await tab.sees("callee")
    await alice.call("bob")
    await bob.click("accept")
    await bob.decodes(FRAMES)
