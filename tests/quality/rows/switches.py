"""switches: a hundred forced changes of layer, up and down by turns, per codec and with 2 % loss; no decoder stumbles.

stage -> **switches** -> row

A change is forced by `view`: the first seat is said to be small, then large.  A decoder that cannot go on asks for a
keyframe, so such requests beside those with which a receiver begins are counted as its errors.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from playwright.async_api import Error as BrowserError

from tests.bench.effort import Bench, Unmeasured
from tests.bench.family import Family
from tests.bench.row import Row, at_least, at_most, none_of, unmeasured, whole
from tests.quality.stage import START_S, Client, Size, on_stage
from tests.quality.window import Watching, Window
from tests.support.network.profiles import LOSS_2

CODECS = ("VP8", "H264", "VP9", "AV1")
SIZE = Size(640, 360, 20)
"""Two layers: what AV1 leaves of two cores decides."""
ENCODINGS = (
    {"rid": "l", "scaleResolutionDownBy": 2, "maxBitrate": 150_000},
    {"rid": "h", "scaleResolutionDownBy": 1, "maxBitrate": 500_000},
)
SVC_CODECS = ("VP9", "AV1")
"""Of these several encodings are one stream in layers, unless each is said to be a stream."""
LOW, HIGH = 180, 720
"""Heights that are asked for by turns: below and above the larger layer."""
TIMES, TIMES_QUICK = 100, 10
EVERY_S = 1.6
"""Time for a keyframe at 50 ms RTT, and for Chromium's VP8 encoder to get over it: it makes one of both layers for each
request, and at twice the pace left out three to five pictures after each, which are no doing of a change."""
SETTLE_S = 6.0
FREEZE_MS = 200.0


@dataclass(frozen=True, slots=True)
class Switched:
    """One codec's."""

    asked: int
    window: Window

    @property
    def freezes(self) -> int:
        """Pauses between pictures that somebody notices."""
        pauses = self.window.shown.pauses_ms(self.window.begin_ms, self.window.end_ms)
        return sum(1 for pause in pauses if pause > FREEZE_MS)


def encodings(codec: str) -> list[dict[str, object]]:
    """Two streams, whatever the codec."""
    alone: dict[str, object] = {"scalabilityMode": "L1T1"} if codec in SVC_CODECS else {}
    return [dict(encoding) | alone for encoding in ENCODINGS]


async def measure(bench: Bench, codec: str, times: int) -> Switched:
    """A call, and so many changes."""
    async with on_stage(bench) as stage:
        room = await stage.room()
        publisher = await stage.publisher(room, stage.relay(LOSS_2), encodings=encodings(codec), codec=codec, size=SIZE)
        receiver = await stage.receiver(room, stage.relay(LOSS_2), codec=codec)
        await receiver.view(HIGH)
        # Else the first change, to the smaller layer, would be none.
        await receiver.shows(SIZE.height, START_S)
        await asyncio.sleep(SETTLE_S)
        watching = await Watching.since(publisher, receiver)
        await _force(receiver, times)
        return Switched(times, await watching.closed())


async def _force(receiver: Client, times: int) -> None:
    for number in range(times):
        await receiver.view(HIGH if number % 2 else LOW)
        await asyncio.sleep(EVERY_S)


def _parts(codec: str, switched: Switched) -> Iterator[Row]:
    name, window = f"switches.{codec.lower()}", switched.window
    yield at_least(
        f"{name}.done",
        f"changes of layer shown, {codec}",
        window.shown.changes,
        f"of {switched.asked}",
        bar=switched.asked,
        how=str(window),
    )
    yield none_of(f"{name}.errors", f"keyframes that the decoder had to ask for, {codec}", window.got.received.requests)
    yield none_of(f"{name}.freezes", f"pauses above {FREEZE_MS:g} ms, {codec}", switched.freezes)
    yield at_most(
        f"{name}.pause", f"longest pause between pictures, {codec}", window.longest_pause_ms, "ms", bar=FREEZE_MS
    )


def rows(bench: Bench) -> Iterator[Row]:
    """Each codec's; one that this browser does not have, or the node does not forward, says so."""
    parts: list[Row] = []
    for codec in CODECS:
        about = f"{TIMES} changes of layer, {codec}"
        bench.say(about)
        try:
            found = asyncio.run(measure(bench, codec, TIMES_QUICK if bench.effort.quick else TIMES))
            made = list(_parts(codec, found))
        except (Unmeasured, BrowserError, AssertionError) as error:
            made = [unmeasured(f"switches.{codec.lower()}", about, str(error).splitlines()[0])]
        yield from made
        parts += made
    yield whole("switches", f"{TIMES} forced changes of layer per codec, 2 % loss", parts)


FAMILY = Family("switches", "forced changes of layer, per codec, with 2 % loss", 12.5, rows)
