"""Firefox ESR in the same calls as everybody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import Tabs
from tests.support.firefox import FIREFOX, firefox
from tests.support.system import System

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.firefox,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox ESR is not installed (Debian: apt-get install firefox-esr)"),
]


async def test_firefox_and_chromium_see_and_hear_each_other(system: System, tabs: Tabs, tmp_path: Path) -> None:
    alice = await tabs.open("alice")
    async with firefox(system.url, "bob", tmp_path / "firefox") as bob:
        await alice.call("bob")
        await bob.click("accept")
        await bob.decodes(60)
        await alice.decodes(60)
        await alice.click("hang-up")
        await bob.appears("callee")
