"""Record the offers that browsers and aiortc make, as vectors for the SDP tests.

Run by hand when a browser's version changes: `python -m tests.vectors.sdp.record` writes the `*.sdp` files beside
this one.  Each offer sends a microphone and a simulcast camera and asks for four seats.
"""

import asyncio
import itertools
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import aiortc
import websockets
from playwright.async_api import async_playwright

HERE = Path(__file__).parent
SEATS = 4

OFFER_JS = """
async ({seats, simulcast, width, height}) => {
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: {width, height}});
  const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  pc.addTransceiver(stream.getAudioTracks()[0], {direction: "sendonly", streams: [stream]});
  const encodings = simulcast ? [
    {rid: "q", scaleResolutionDownBy: 4}, {rid: "h", scaleResolutionDownBy: 2}, {rid: "f"}] : [{}];
  pc.addTransceiver(stream.getVideoTracks()[0], {direction: "sendonly", streams: [stream], sendEncodings: encodings});
  for (let i = 0; i < seats; i++) {
    pc.addTransceiver("audio", {direction: "recvonly"});
    pc.addTransceiver("video", {direction: "recvonly"});
  }
  await pc.setLocalDescription();
  if (pc.iceGatheringState !== "complete")
    await new Promise(done => pc.addEventListener("icegatheringstatechange",
      () => pc.iceGatheringState === "complete" && done()));
  return pc.localDescription.sdp;
}
"""

SCREEN_JS = """
async () => {
  const pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const stream = await navigator.mediaDevices.getUserMedia({audio: true, video: true});
  for (const track of stream.getTracks()) pc.addTrack(track, stream);
  pc.createDataChannel("chat");
  await pc.setLocalDescription();
  return pc.localDescription.sdp;
}
"""

CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def save(name: str, sdp: str) -> None:
    """Write one vector with the line ends it has on the wire."""
    (HERE / f"{name}.sdp").write_bytes(sdp.encode())


async def chromium() -> None:
    """Chromium: simulcast, without simulcast, and sendrecv lines with a data channel."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM_FLAGS)
        page = await browser.new_page()
        await page.goto("chrome://version")
        wish = {"seats": SEATS, "simulcast": True, "width": 1280, "height": 720}
        save("chromium_simulcast_4_seats", await page.evaluate(OFFER_JS, wish))
        save("chromium_plain_4_seats", await page.evaluate(OFFER_JS, wish | {"simulcast": False}))
        save("chromium_sendrecv_datachannel", await page.evaluate(SCREEN_JS))
        await browser.close()


class Bidi:
    """The few WebDriver BiDi commands needed to run a script in Firefox."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)

    async def call(self, method: str, **params: object) -> dict[str, Any]:
        """One command and its result."""
        number = next(self._ids)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(await self._socket.recv())
            if message.get("id") == number:
                if "error" in message:
                    raise RuntimeError(message["message"])
                result: dict[str, Any] = message["result"]
                return result

    async def evaluate(self, context: str, function: str, argument: object) -> str:
        """The string that `function(argument)` resolves to."""
        result = await self.call(
            "script.evaluate",
            expression=f"({function})({json.dumps(argument)})",
            target={"context": context},
            awaitPromise=True,
        )
        if result["type"] != "success":
            raise RuntimeError(str(result))
        return str(result["result"]["value"])


FIREFOX_PREFS = """
user_pref("media.navigator.streams.fake", true);
user_pref("media.navigator.permission.disabled", true);
user_pref("media.autoplay.default", 0);
user_pref("remote.active-protocols", 1);
"""


async def firefox() -> None:
    """Firefox ESR over WebDriver BiDi: simulcast and plain."""
    profile = Path(tempfile.mkdtemp())
    (profile / "user.js").write_text(FIREFOX_PREFS)
    (profile / "page.html").write_text("<title>offers</title>")
    process = await asyncio.create_subprocess_exec(
        "/usr/bin/firefox-esr", "--headless", "--remote-debugging-port", "9333", "--profile", str(profile),
        "--no-remote", stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    while b"WebDriver BiDi listening" not in await process.stderr.readline():
        pass
    server = await asyncio.start_server(_page, "127.0.0.1", 9334)
    async with websockets.connect("ws://127.0.0.1:9333/session", max_size=None) as socket:
        bidi = Bidi(socket)
        await bidi.call("session.new", capabilities={})
        context = (await bidi.call("browsingContext.create", type="tab"))["context"]
        await bidi.call("browsingContext.navigate", context=context, url="http://127.0.0.1:9334/", wait="complete")
        wish = {"seats": SEATS, "simulcast": True, "width": 640, "height": 480}
        save("firefox_simulcast_4_seats", await bidi.evaluate(context, OFFER_JS, wish))
        save("firefox_plain_4_seats", await bidi.evaluate(context, OFFER_JS, wish | {"simulcast": False}))
        save("firefox_sendrecv_datachannel", await bidi.evaluate(context, SCREEN_JS, None))
    process.terminate()
    await process.wait()
    server.close()
    shutil.rmtree(profile, ignore_errors=True)


async def _page(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    body = b"<title>offers</title>"
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    await writer.drain()
    writer.close()


async def stock_aiortc() -> None:
    """aiortc with one bundle, as the agents use it."""
    configuration = aiortc.RTCConfiguration(iceServers=[], bundlePolicy=aiortc.RTCBundlePolicy.MAX_BUNDLE)
    pc = aiortc.RTCPeerConnection(configuration)
    pc.addTransceiver(aiortc.mediastreams.AudioStreamTrack(), direction="sendonly")
    pc.addTransceiver(aiortc.mediastreams.VideoStreamTrack(), direction="sendonly")
    for _ in range(SEATS):
        pc.addTransceiver("audio", direction="recvonly")
        pc.addTransceiver("video", direction="recvonly")
    await pc.setLocalDescription(await pc.createOffer())
    save("aiortc_4_seats", pc.localDescription.sdp)
    await pc.close()


async def main() -> None:
    """All vectors."""
    await stock_aiortc()
    await chromium()
    await firefox()


if __name__ == "__main__":
    asyncio.run(main())
