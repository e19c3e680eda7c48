"""Firefox ESR, driven over WebDriver BiDi (W3C) without a driver program.

`firefox()` starts a headless Firefox with fake camera and microphone in a throw-away profile, and gives a `FirefoxTab`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from tests.support.browser import INBOUND, Inbound
from tests.support.eventually import eventually
from tests.support.system import PASSWORD

FIREFOX = shutil.which("firefox-esr")
START_S = 60.0
PREFERENCES = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
    "media.autoplay.default": 0,
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # Nothing is looked up or downloaded.
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-provider.enabled": False,
    "app.update.disabledForTesting": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
}
TYPE = """(id, text) => {
  const field = document.querySelector(`[data-testid="${id}"]`);
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}"""


class FirefoxTab:
    """One signed-in tab of Firefox."""

    def __init__(self, socket: ClientConnection, context: str, user: str) -> None:
        self._socket = socket
        self._context = context
        self._ids = itertools.count(100)
        self.user = user

    async def sign_in(self, url: str) -> None:
        """Open the page, sign in, and wait until signaling knows the device."""
        await self.command("browsingContext.navigate", context=self._context, url=url, wait="complete")
        await self.appears("username")
        await self.run(f"() => ({TYPE})('username', {json.dumps(self.user)})")
        await self.run(f"() => ({TYPE})('password', {json.dumps(PASSWORD)})")
        await self.click("sign-in")
        await self.appears("callee")
        await self._appears('[data-testid="status"][data-link="online"]')

    async def click(self, test_id: str) -> None:
        """Click the element `test_id` once it is there."""
        await self.appears(test_id)
        await self.run(f"""() => document.querySelector('[data-testid="{test_id}"]').click()""")

    async def appears(self, test_id: str) -> None:
        """Wait until the element `test_id` is there."""
        await self._appears(f'[data-testid="{test_id}"]')

    async def _appears(self, selector: str) -> None:
        async def there() -> bool:
            return bool(await self.run(f"() => document.querySelector({json.dumps(selector)}) !== null"))

        await eventually(there, f"{selector} appears in Firefox", 20)

    async def decodes(self, frames: int, within_s: float = 30.0) -> Inbound:
        """Wait for `frames` decoded video frames and some sound."""

        async def enough() -> Inbound | None:
            now = Inbound(**json.loads(await self.run(f"async () => JSON.stringify(await ({INBOUND})())")))
            return now if now.frames >= frames and now.energy > 0 else None

        return await eventually(enough, f"Firefox decodes {frames} frames and hears something", within_s)

    async def run(self, function: str) -> Any:  # noqa: ANN401 (whatever the script returns)
        """The value of a JavaScript function of the page, awaited."""
        done = await self.command(
            "script.evaluate", expression=f"({function})()", target={"context": self._context}, awaitPromise=True
        )
        assert done["type"] == "success", done.get("exceptionDetails")
        return done["result"].get("value")

    async def command(self, method: str, **parameters: Any) -> Any:  # noqa: ANN401 (BiDi's own JSON)
        """One BiDi command and its result."""
        return await _command(self._socket, next(self._ids), method, parameters)


async def _command(socket: ClientConnection, number: int, method: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401
    await socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
    async with asyncio.timeout(START_S):
        while True:
            message = json.loads(await socket.recv())
            if message.get("id") == number:
                assert message["type"] == "success", message
                return message["result"]


def _write_profile(profile: Path) -> None:
    profile.mkdir(parents=True)
    lines = (f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items())
    (profile / "user.js").write_text("\n".join(lines))


async def _bidi_address(stderr: asyncio.StreamReader) -> str:
    async with asyncio.timeout(START_S):
        async for line in stderr:
            if found := re.search(rb"WebDriver BiDi listening on (ws://\S+)", line):
                return found[1].decode()
    raise AssertionError("Firefox ended before it listened")


async def _swallow(stream: asyncio.StreamReader) -> None:
    while await stream.read(65536):
        pass


@contextlib.asynccontextmanager
async def firefox(url: str, user: str, profile: Path) -> AsyncIterator[FirefoxTab]:
    """Firefox with one tab signed in as `user` at `url`."""
    assert FIREFOX is not None
    _write_profile(profile)
    process = await asyncio.create_subprocess_exec(
        FIREFOX,
        *("--headless", "--no-remote", "--remote-debugging-port", "0", "--profile", str(profile)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        address = await _bidi_address(process.stderr)
        swallowing = asyncio.create_task(_swallow(process.stderr))
        async with connect(f"{address}/session", max_size=None) as socket:
            await _command(socket, 1, "session.new", {"capabilities": {}})
            created = await _command(socket, 2, "browsingContext.create", {"type": "tab"})
            tab = FirefoxTab(socket, created["context"], user)
            await tab.sign_in(url)
            yield tab
        swallowing.cancel()
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
