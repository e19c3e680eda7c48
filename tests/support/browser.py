"""Debian's Chromium, driven as a person would: the page of signaling, a fake camera and microphone."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from playwright.async_api import Browser, Page, async_playwright, expect

from tests.support.eventually import eventually
from tests.support.system import PASSWORD

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
RING_S = 10.0
"""Within this a click at one side shows at the other, on a loaded machine."""
INBOUND = """async () => {
  const connection = window.tertulia.peerConnection;
  const found = { frames: 0, energy: 0, freezes: 0, lost: 0, sent: 0, videos: 0 };
  if (connection === null) return found;
  for (const report of (await connection.getStats()).values()) {
    if (report.type === 'outbound-rtp' && report.kind === 'video') found.sent += report.framesEncoded ?? 0;
    if (report.type !== 'inbound-rtp') continue;
    found.lost += report.packetsLost ?? 0;
    if (report.kind === 'video') {
      found.frames += report.framesDecoded ?? 0;
      found.freezes += report.freezeCount ?? 0;
      found.videos += (report.framesDecoded ?? 0) > 0 ? 1 : 0;
    }
    if (report.kind === 'audio') found.energy += report.totalAudioEnergy ?? 0;
  }
  return found;
}"""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What a tab has decoded so far, over all seats."""

    frames: int
    energy: float
    """Sum of squared samples times seconds (W3C webrtc-stats, totalAudioEnergy)."""
    freezes: int
    lost: int
    sent: int
    """Frames encoded by this tab."""
    videos: int
    """Seats whose video has been decoded."""


class Tab:
    """One signed-in tab: a device of its user."""

    def __init__(self, page: Page, user: str) -> None:
        self.page = page
        self.user = user

    async def sign_in(self, url: str, password: str) -> None:
        """Open the page, sign in, and wait until signaling knows the device."""
        await self.page.goto(url)
        await self.page.get_by_test_id("username").fill(self.user)
        await self.page.get_by_test_id("password").fill(password)
        await self.page.get_by_test_id("sign-in").click()
        await expect(self.page.get_by_test_id("callee")).to_be_visible()
        await expect(self.page.get_by_test_id("status")).to_have_attribute("data-link", "online", timeout=RING_S * 1000)

    async def call(self, callee: str) -> None:
        """Type a name and call it."""
        await self.page.get_by_test_id("callee").fill(callee)
        await self.click("call")

    async def call_when_online(self, callee: str) -> None:
        """Wait until the page lists `callee` as online, then call by the list."""
        row = self.page.get_by_test_id(f"user-{callee}")
        await expect(row).to_have_attribute("data-online", "true", timeout=RING_S * 1000)
        await self.call(callee)

    async def click(self, test_id: str) -> None:
        """Click the element `test_id`."""
        await self.page.get_by_test_id(test_id).click()

    async def sees(self, test_id: str, within_s: float = RING_S) -> None:
        """Wait until the element `test_id` is visible."""
        await expect(self.page.get_by_test_id(test_id).first).to_be_visible(timeout=within_s * 1000)

    async def sees_no(self, test_id: str, within_s: float = RING_S) -> None:
        """Wait until the element `test_id` is gone or hidden."""
        await expect(self.page.get_by_test_id(test_id)).to_be_hidden(timeout=within_s * 1000)

    async def reads(self, text: str, within_s: float = RING_S) -> None:
        """Wait until the page shows `text` (any case) in its status or error."""
        shown = self.page.locator('[data-testid="status"], [data-testid="error"]').filter(has_text=text)
        await expect(shown.first).to_be_visible(timeout=within_s * 1000)

    async def inbound(self) -> Inbound:
        """What has been decoded so far."""
        return Inbound(**await self.page.evaluate(INBOUND))

    async def decodes(self, frames: int, within_s: float = 20.0) -> Inbound:
        """Wait for `frames` more decoded video frames, with sound in the same time."""
        before = await self.inbound()

        async def more() -> Inbound | None:
            now = await self.inbound()
            return now if now.frames - before.frames >= frames and now.energy > before.energy else None

        return await eventually(more, f"{self.user} decodes {frames} frames and hears something", within_s)

    async def stands_still(self, still_s: float = 2.0, within_s: float = 20.0) -> None:
        """Wait until for `still_s` no video frame has been decoded."""
        loop = asyncio.get_running_loop()
        frames, since = (await self.inbound()).frames, loop.time()

        async def still() -> bool:
            nonlocal frames, since
            if (now := (await self.inbound()).frames) != frames:
                frames, since = now, loop.time()
            return loop.time() - since >= still_s

        await eventually(still, f"{self.user} decodes no frame for {still_s} s", within_s)

    async def shows(self, test_id: str, text: str, within_s: float = RING_S) -> None:
        """Wait until an element `test_id` has `text`."""
        shown = self.page.get_by_test_id(test_id).filter(has_text=text)
        await expect(shown.first).to_be_visible(timeout=within_s * 1000)

    async def hand_over(self, successor: str) -> None:
        """Transfer the call on show to `successor`, by the page's control."""
        await self.click("transfer")
        await self.page.get_by_test_id("transfer-to").fill(successor)
        await self.click("transfer-send")

    async def run(self, script: str) -> Any:  # noqa: ANN401 (whatever the script returns)
        """The value of a script in the page."""
        return await self.page.evaluate(script)


class Tabs:
    """Makes tabs, each in a browser context of its own (its own storage, as on another machine)."""

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url

    async def open(self, user: str, password: str = PASSWORD) -> Tab:
        """A tab signed in as `user`."""
        context = await self._browser.new_context(permissions=["camera", "microphone"])
        tab = Tab(await context.new_page(), user)
        await tab.sign_in(self._url, password)
        return tab


@contextlib.asynccontextmanager
async def chromium(url: str) -> AsyncIterator[Tabs]:
    """A running Chromium whose tabs open at `url`."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        try:
            yield Tabs(browser, url)
        finally:
            await browser.close()
