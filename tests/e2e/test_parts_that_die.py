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


async def test_a_call_goes_on_after_the_death_of_its_node_and_ends_as_ever(system: System, tabs: Tabs) -> None:
    alice, bob = await call_up(tabs)
    await alice.decodes(FRAMES)
    await system.kill("node")
    for tab in (alice, bob):
        await tab.stands_still(within_s=30)
    await system.start_node()
    for tab in (alice, bob):
        await tab.decodes(FRAMES, within_s=60)
    await bob.click("hang-up")
    await alice.sees("callee", within_s=30)
