"""Chromium and a node without anything between them: simulcast up, seats down, ICE restart, resume of a WebSocket."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, async_playwright

from tests.support.browser import FLAGS as PAGE_FLAGS
from tests.support.clients import SocketIoClient
from tests.support.eventually import until
from tests.support.node import Deployment, running_node, token
from tests.support.voice import microphone

CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    # Playwright's transport to its driver is closed by the driver's end, after the loop.
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"),
]

FLAGS = [*PAGE_FLAGS, "--allow-loopback-in-peer-connection"]

PAGE = """<!doctype html><title>client</title><script>
const waiting = new Map(); let next = 1, socket, pc;
window.events = [];
function open(url, hello) {
  return new Promise((done, failed) => {
    socket = new WebSocket(url);
    socket.onopen = () => { socket.send(JSON.stringify({...hello, id: 0})); waiting.set(0, done); };
    socket.onclose = failed;
    socket.onmessage = ({data}) => {
      const frame = JSON.parse(data);
      if ("event" in frame) window.events.push(frame); else waiting.get(frame.id)?.(frame.data);
    };
  });
}
function ask(event, data) {
  const id = next++;
  socket.send(JSON.stringify({event, id, data}));
  return new Promise(done => waiting.set(id, done));
}
async function negotiate(event) {
  await pc.setLocalDescription();
  const answer = await ask(event, {sdp: pc.localDescription.sdp});
  if (answer.error) throw new Error(answer.message);
  await pc.setRemoteDescription({type: "answer", sdp: answer.sdp});
  return answer;
}
async function join(url, hello, seats) {
  await open(url, hello);
  pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width: 1280, height: 720}});
  pc.addTransceiver(stream.getAudioTracks()[0], {direction: "sendonly", streams: [stream]});
  pc.addTransceiver(stream.getVideoTracks()[0], {direction: "sendonly", streams: [stream], sendEncodings: [
    {rid: "q", scaleResolutionDownBy: 4}, {rid: "h", scaleResolutionDownBy: 2}, {rid: "f"}]});
  for (let i = 0; i < seats; i++)
    for (const kind of ["audio", "video"]) pc.addTransceiver(kind, {direction: "recvonly"});
  pc.ontrack = ({track, streams}) => {
    const element = document.createElement(track.kind);
    element.srcObject = new MediaStream([track]); element.autoplay = true;
    document.documentElement.append(element); element.play();
  };
  return await negotiate("join");
}
async function restart() { pc.restartIce(); return await negotiate("offer"); }
async function report() {
  const found = {state: pc.connectionState, ice: pc.iceConnectionState, frames: {}, energy: {}, sent: {}, seats: {}};
  for (const stats of (await pc.getStats()).values()) {
    if (stats.type === "inbound-rtp" && stats.kind === "video") found.frames[stats.mid] = stats.framesDecoded;
    if (stats.type === "inbound-rtp" && stats.kind === "audio") found.energy[stats.mid] = stats.totalAudioEnergy;
    if (stats.type === "outbound-rtp" && stats.kind === "video") found.sent[stats.rid] = stats.framesEncoded;
  }
  for (const {event, data} of window.events) if (event === "seats") Object.assign(found.seats, data);
  return found;
}
</script>"""


class Tab:
    """One page with the client above in it."""

    def __init__(self, page: Page, deployment: Deployment) -> None:
        self.page = page
        self._deployment = deployment
        self.peer = ""

    async def join(self, room: str, user: str, seats: int = 2) -> dict[str, Any]:
        """Join, and wait for the connection."""
        url = f"{self._deployment.url.replace('http', 'ws')}{self._deployment.config.websocket_path}"
        hello = {"room": room, "token": token(user)}
        answer: dict[str, Any] = await self.page.evaluate(
            "([url, hello, seats]) => join(url, hello, seats)", [url, hello, seats]
        )
        self.peer = answer["peer"]
        await self.until(lambda report: report["state"] == "connected", "the tab connects")
        return answer

    async def until(self, condition: Any, what: str, within_s: float = 40.0) -> dict[str, Any]:  # noqa: ANN401
        """The first report that fits."""
        deadline = asyncio.get_running_loop().time() + within_s
        while True:
            report: dict[str, Any] = await self.page.evaluate("report()")
            if condition(report):
                return report
            assert asyncio.get_running_loop().time() < deadline, f"{what}: {report}"
            await asyncio.sleep(0.1)

    async def sees(self, mid: str, frames: int = 10) -> None:
        """So many more decoded frames on one m-line."""
        before = (await self.page.evaluate("report()"))["frames"].get(mid, 0)
        await self.until(lambda report: report["frames"].get(mid, 0) >= before + frames, f"frames on {mid}")


@pytest.fixture
async def deployment() -> AsyncIterator[Deployment]:
    async with running_node(stats_interval_s=0.5) as running:
        yield running


@pytest.fixture
async def tabs(deployment: Deployment, tmp_path: Path) -> AsyncIterator[tuple[Tab, Tab]]:
    app = web.Application()

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    app.router.add_get("/", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, microphone(tmp_path / "speech.wav")]
        )
        pages = [await browser.new_page() for _ in range(2)]
        for page in pages:
            await page.goto(url)
        yield Tab(pages[0], deployment), Tab(pages[1], deployment)
        await browser.close()
    await runner.cleanup()


async def test_two_tabs_and_an_agent_see_and_hear_each_other(deployment: Deployment, tabs: tuple[Tab, Tab]) -> None:
    room = await deployment.room("alice", "bob", "agent")
    alice, bob = tabs
    await alice.join(room, "alice")
    await bob.join(room, "bob")
    for tab in tabs:
        await tab.sees("3")
        await tab.until(lambda report: report["energy"].get("2", 0) > 0, "sound is heard")
    agent = await SocketIoClient(deployment).join(room, "agent")
    for user in ("alice", "bob"):
        await agent.media.sees((await agent.shown(user))["video"])
    for tab in tabs:
        await tab.sees("5")
    await alice.until(lambda report: report["sent"].get("f", 0) > 10, "the top layer is sent")
    await until(lambda: any(agent.got("speakers")), "the tabs that speak are told as speakers")
    await agent.close()


async def test_an_ice_restart_by_reoffer_changes_credentials_and_nothing_else(
    deployment: Deployment, tabs: tuple[Tab, Tab]
) -> None:
    room = await deployment.room("alice", "bob")
    alice, bob = tabs
    first = await alice.join(room, "alice")
    await bob.join(room, "bob")
    await alice.sees("3")
    second = await alice.page.evaluate("restart()")
    ufrags = [next(row for row in text.splitlines() if "ice-ufrag" in row) for text in (first["sdp"], second["sdp"])]
    assert ufrags[0] != ufrags[1]
    await alice.until(lambda report: report["ice"] == "connected", "ICE is connected again")
    await alice.sees("3", 20)
    await bob.sees("3", 20)
