"""Tabs of one browser that have one session: duplicated, or opened by one another."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import expect

from tests.support.browser import RING_S, Tab, Tabs

pytestmark = [pytest.mark.e2e, pytest.mark.chromium]

AGE = """() => {
  const kept = JSON.parse(sessionStorage.getItem('tertulia.session'));
  sessionStorage.setItem('tertulia.session', JSON.stringify({ ...kept, expiresAt: 0 }));
}"""


async def two_tabs(tabs: Tabs) -> tuple[Tab, Tab]:
    """A tab, and one that it has opened: the browser gives the second what the first keeps."""
    one = await tabs.open("alice")
    async with one.page.expect_popup() as opened:
        await one.run("() => void window.open(location.href)")
    other = Tab(await opened.value, "alice")
    await online(other)
    return one, other


async def online(tab: Tab) -> None:
    """Wait until signaling knows the device of the tab."""
    await expect(tab.page.get_by_test_id("status")).to_have_attribute("data-link", "online", timeout=RING_S * 1000)


async def test_tokens_that_end_in_both_at_once_are_renewed_once_and_both_stay_signed_in(tabs: Tabs) -> None:
    both = await two_tabs(tabs)
    asked: list[str] = []
    both[0].page.context.on("request", lambda request: asked.append(request.url))
    for _ in range(2):
        asked.clear()
        for tab in both:
            await tab.run(AGE)
        await asyncio.gather(*(tab.page.reload() for tab in both))
        for tab in both:
            await online(tab)
            await tab.sees("user-bob")
        assert sum(url.endswith("/sapi/sessions/refresh") for url in asked) == 1


async def test_signing_out_in_one_signs_out_the_other(tabs: Tabs) -> None:
    one, other = await two_tabs(tabs)
    await one.click("sign-out")
    await other.sees("sign-in")
    await other.reads("signed out")
