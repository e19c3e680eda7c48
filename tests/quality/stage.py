"""Where calls are measured: a node, a browser whose tabs are the clients, and a link in front of each that has one.

rows/* -> **stage** -> node (this process), relay or crossing (this process), Chromium (page/)

A client in a room: `publisher`, `receiver`.  Two clients without a node, as the yardstick: `direct`.  The node has no
limit of its own in the way, and is registered with a stand-in for signaling.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from aiohttp import web
from playwright.async_api import Browser, Page, async_playwright

from sfu._core import Core
from tests.bench.effort import Bench, Unmeasured
from tests.quality.counted import Counted
from tests.quality.footage import FRAMES_PER_S, HEIGHT, WIDTH, footage
from tests.quality.seen import Shown
from tests.support.browser import CHROMIUM, FLAGS
from tests.support.eventually import eventually
from tests.support.network.browser import through_relay
from tests.support.network.crossing import Side, crossing
from tests.support.network.profiles import Profile
from tests.support.network.relay import Relay, relaying
from tests.support.node import Deployment, running_node, token

PAGE: Final = Path(__file__).parent / "page"
MEETING_OF: Final = 400
"""More than anybody here brings into a room."""

TOP_KBPS: Final = 1_000
SHARES: Final = (("l", 4, 0.06), ("m", 2, 0.3), ("h", 1, 1.0))
"""RID, divisor of the size, share of the rate: `web/client/layers.ts` has the same, but for a larger middle."""
LAYERS: Final = len(SHARES)
START_S: Final = 30.0
"""Within this the first picture has come, however busy the machine is."""

Encodings = Sequence[Mapping[str, object]]


def simulcast(kbps: int = TOP_KBPS) -> Encodings:
    """As the page of the product publishes a camera."""
    return [
        {"rid": rid, "scaleResolutionDownBy": by, "maxBitrate": round(kbps * 1_000 * share)}
        for rid, by, share in SHARES
    ]


def single(kbps: int = TOP_KBPS) -> Encodings:
    """The same camera to one other client: the top layer alone."""
    return [{"maxBitrate": kbps * 1_000}]


def wall_ms() -> float:
    """The clock that pages tell their times by."""
    return time.time() * 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """What is asked of the camera."""

    width: int = WIDTH
    height: int = HEIGHT
    fps: int = FRAMES_PER_S


@dataclass(frozen=True, slots=True)
class Joined:
    """A join, in milliseconds of the wall clock."""

    asked_ms: float
    answered_ms: float
    peer: str


class Client:
    """A tab.  Its stage closes it."""

    def __init__(self, page: Page) -> None:
        self._page = page

    async def open_camera(self, size: Size) -> None:
        """It will publish."""
        await self._run("(size) => call.open(size)", {"width": size.width, "height": size.height, "fps": size.fps})

    async def join(
        self,
        stage: Stage,
        room: str,
        user: str,
        *,
        encodings: Encodings | None,
        seats: int,
        codec: str = "VP8",
        described: bool = True,
    ) -> Joined:
        """Into a room of the node; seats take dependency descriptors if they are `described`."""
        place = {"url": stage.websocket, "room": room, "token": token(user)}
        how = {"encodings": encodings, "seats": seats, "codec": codec, "described": described}
        told = await self._run("(how) => call.join(how)", {**place, **how})
        return Joined(told["asked"], told["answered"], told["peer"])

    async def leave(self) -> None:
        """Out of it."""
        await self._run("() => call.leave()")

    async def view(self, height: int) -> None:
        """Say how large the first seat is on the screen."""
        await self._run("(height) => call.view(height)", height)

    async def ring(self, other: Client, encodings: Encodings, codec: str = "VP8") -> None:
        """Send to another client directly."""
        offer = await self._run("(how) => call.ring(how)", {"encodings": encodings, "codec": codec})
        await self._run("(sdp) => call.take(sdp)", await other._run("(sdp) => call.answer(sdp)", offer))

    async def counted(self) -> Counted:
        """What its browser has counted so far."""
        return Counted.of(await self._run("() => call.counted()"))

    async def shown(self, since_ms: float = 0.0, seat: int = 0) -> Shown:
        """What a seat has shown since."""
        return Shown.of(await self._run("([seat, since]) => call.frames(seat, since)", [seat, since_ms]))

    async def first_ms(self, seat: int = 0) -> float:
        """When a seat showed its first picture; waits for it."""
        return float(await self._run("(seat) => call.first(seat)", seat))

    async def shows(self, lines: float, within_s: float, seat: int = 0) -> None:
        """Wait until a seat shows pictures of so many lines or more; Unmeasured if it never does."""

        async def large() -> bool:
            latest = await self.shown(wall_ms() - 1_000, seat)
            return bool(latest.frames) and latest.frames[-1][1] >= lines

        try:
            await eventually(large, "a large picture", within_s)
        except AssertionError:
            raise Unmeasured(f"no picture of {lines:g} lines or more within {within_s:g} s") from None

    async def _run(self, script: str, argument: object = None) -> Any:  # noqa: ANN401 (whatever the script returns)
        return await self._page.evaluate(script, argument)


class Stage:
    """What a family of rows measures on.  Owned by `on_stage`."""

    def __init__(self, deployment: Deployment, browser: Browser, url: str, ends: AsyncExitStack) -> None:
        self.deployment = deployment
        self._browser = browser
        self._url = url
        self._ends = ends
        self._numbers = itertools.count(1)

    @property
    def core(self) -> Core:
        """The node's."""
        return self.deployment.process.core

    @property
    def websocket(self) -> str:
        """Where control links lead to."""
        return f"ws://127.0.0.1:{self.deployment.process.http_port}{self.deployment.config.websocket_path}"

    async def room(self) -> str:
        """A new one."""
        return await self.deployment.room(limit=MEETING_OF)

    async def client(self, link: Relay | Side | None = None) -> Client:
        """A tab, which takes `link` for whoever it calls."""
        context = await self._browser.new_context(permissions=["camera", "microphone"])
        self._ends.push_async_callback(context.close)
        page = await context.new_page()
        if link is not None:
            await page.add_init_script(through_relay(link.address))
        await page.goto(self._url)
        return Client(page)

    def relay(self, profile: Profile) -> Relay:
        """A link to the node; closed with the stage."""
        node = ("127.0.0.1", self.deployment.process.udp_ports[0])
        return self._ends.enter_context(relaying(node, profile, seed=next(self._numbers)))

    async def publisher(
        self,
        room: str,
        link: Relay | None = None,
        *,
        encodings: Encodings | None = None,
        codec: str = "VP8",
        size: Size | None = None,
    ) -> Client:
        """A client who sends its camera in layers, and receives nothing."""
        client = await self.client(link)
        await client.open_camera(size or Size())
        user = await self.admitted(room)
        await client.join(self, room, user, encodings=encodings or simulcast(), seats=0, codec=codec)
        return client

    async def receiver(
        self, room: str, link: Relay | None = None, *, codec: str = "VP8", described: bool = True
    ) -> Client:
        """A client who has one seat, and sends nothing."""
        client = await self.client(link)
        await self.enter(client, room, codec=codec, described=described)
        return client

    async def enter(self, client: Client, room: str, *, codec: str = "VP8", described: bool = True) -> Joined:
        """Into a room, with one seat."""
        user = await self.admitted(room)
        return await client.join(self, room, user, encodings=None, seats=1, codec=codec, described=described)

    @contextmanager
    def crossed(self, first: Profile, second: Profile) -> Iterator[tuple[Side, Side]]:
        """The links of two clients who call each other."""
        with crossing(first, second, seed=next(self._numbers)) as sides:
            yield sides

    async def direct(self, sides: tuple[Side, Side]) -> tuple[Client, Client]:
        """Two clients who call each other: the first sends one layer at the top rate, the second receives."""
        caller, callee = await self.client(sides[0]), await self.client(sides[1])
        await caller.open_camera(Size())
        await caller.ring(callee, single())
        return caller, callee

    async def admitted(self, room: str) -> str:
        """A new user, whom the room lets in."""
        user = f"user{next(self._numbers)}"
        await self.deployment.grant(room, user)
        return user


@asynccontextmanager
async def on_stage(bench: Bench) -> AsyncIterator[Stage]:
    """A node and a browser; everything that was made on it ends with it."""
    async with running_node() as deployment, _page() as url, async_playwright() as playwright:
        flags = [*FLAGS, *footage(bench.directory).flags]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            async with AsyncExitStack() as ends:
                yield Stage(deployment, browser, url, ends)
        finally:
            await browser.close()


@asynccontextmanager
async def _page() -> AsyncIterator[str]:
    """The page, at an address that may open a camera."""
    app = web.Application()
    app.router.add_static("/", PAGE)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/index.html"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def many_connections() -> AsyncIterator[aiohttp.ClientSession]:
    """Without a bound of its own on them."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        yield http
