"""Firefox ESR in the same calls as everybody else.

Firefox ignores ICE candidates at 127.0.0.1, so the node advertises what it finds by itself: another address of this
machine as well.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.browser import chromium
from tests.support.firefox import FIREFOX, firefox
from tests.support.ports import has_address_beside_loopback
from tests.support.system import running_system

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.firefox,
    pytest.mark.skipif(FIREFOX is None, reason="Firefox ESR is not installed (Debian: apt-get install firefox-esr)"),
    pytest.mark.skipif(not has_address_beside_loopback(), reason="Firefox needs an address other than 127.0.0.1"),
]


async def test_firefox_and_chromium_see_and_hear_each_other(tmp_path: Path) -> None:
    async with (
        running_system(tmp_path, "alice", "bob", advertise=()) as system,
        chromium(system.url) as tabs,
        firefox(system.url, "bob", tmp_path / "firefox") as bob,
    ):
        alice = await tabs.open("alice")
        await alice.call("bob")
        await bob.click("accept")
        await bob.decodes(60)
        await alice.decodes(60)
        await alice.click("hang-up")
        await bob.appears("callee")
