"""`python -m tests.load.janus [--cpu N]`: Debian's Janus with its VideoRoom plugin, behind WHIP and WHEP.

tertulia load -> front -> **janus** -> janus_api -> Janus

Prints one line of JSON, `{"url", "pid", "version"}`, and serves until its standard input ends.  A publisher is joined
by two requests and gets Janus' answer.  Janus offers to a watcher, as a WHEP client does: `mirror` makes both answers.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil

from tests.load.adapter import Joined, Refused
from tests.load.front import more_files, serving, until_input_ends
from tests.load.janus_api import JanusApi, JanusError
from tests.load.janus_config import JanusConfig, installed
from tests.load.mirror import count, mirrored, passive
from tests.load.rooms import Rooms
from tests.support.ports import free_tcp_port

START_S = 15.0
STOP_S = 10.0
MOST_PUBLISHERS = 1_000


class VideoRoom:
    """Janus' VideoRoom as an adapter."""

    def __init__(self, api: JanusApi) -> None:
        self._api = api
        self._made: dict[str, asyncio.Task[None]] = {}
        self._rooms: Rooms[str] = Rooms()
        """A publisher's feed."""
        self._feeds = itertools.count(1)

    async def publish(self, room: str, name: str, offer: str) -> Joined:
        """Join as a publisher and send."""
        await self._make(room)
        count(offer)  # refuses what is no offer
        handle = await self._api.attach()
        # Whoever comes again may find his old feed not gone yet.
        feed = f"{name}.{next(self._feeds)}"
        # Janus shows nobody whose connection isn't made yet.
        self._api.when_up(handle, lambda: self._rooms.add(room, name, feed))
        try:
            await self._api.message(handle, {"request": "join", "ptype": "publisher", "room": room, "id": feed})
            event = await self._api.message(handle, {"request": "publish"}, {"type": "offer", "sdp": passive(offer)})
        except JanusError as error:
            await self._api.detach(handle)
            raise Refused(str(error)) from None

        async def leave() -> None:
            self._rooms.remove(room, name)
            await self._detach(handle)

        return Joined(str(event.sdp), leave)

    async def watch(self, room: str, name: str, offer: str) -> Joined:
        """Join as a subscriber to as many others as the offer has seats for."""
        await self._make(room)
        seats = count(offer)
        others = await self._rooms.others(room, name, max(seats.values()))
        handle = await self._api.attach()
        join = {
            "request": "join",
            "ptype": "subscriber",
            "room": room,
            "streams": [{"feed": one} for one in others.values()],
        }
        try:
            event = await self._api.message(handle, join)
            answers = mirrored(offer, str(event.sdp))
            await self._api.message(handle, {"request": "start"}, {"type": "answer", "sdp": answers.janus})
        except (JanusError, Refused) as error:
            await self._api.detach(handle)
            raise Refused(str(error)) from None
        return Joined(answers.client, lambda: self._detach(handle))

    async def _detach(self, handle: int) -> None:
        # Janus drops a handle whose connection has failed by itself.
        with contextlib.suppress(JanusError):
            await self._api.detach(handle)

    async def _make(self, room: str) -> None:
        """Make a room the first time it is spoken of; whoever comes meanwhile waits for the same."""
        if room not in self._made:
            self._made[room] = asyncio.create_task(self._create(room))
        await asyncio.shield(self._made[room])

    async def _create(self, room: str) -> None:
        settings = {"publishers": MOST_PUBLISHERS, "audiocodec": "opus", "videocodec": "vp8,h264", "bitrate": 0}
        handle = await self._api.attach()
        await self._api.message(handle, {"request": "create", "room": room, **settings})
        await self._api.detach(handle)


@asynccontextmanager
async def running(cpu: int | None = None) -> AsyncIterator[tuple[VideoRoom, int, str]]:
    """Janus on free ports, pinned to a core; the adapter, Janus' process id and its version."""
    libraries = installed()
    if libraries is None:
        raise JanusError("janus is not installed: run tools/peers.sh")
    with tempfile.TemporaryDirectory(prefix="tertulia-janus-") as directory:
        config = JanusConfig(Path(directory), free_tcp_port(), media_address())
        config.write(libraries)
        process = _start(config, cpu)
        try:
            api = await _connected(config, process)
            try:
                yield VideoRoom(api), process.pid, api.version
            finally:
                await api.close()
        finally:
            _end(process)


def media_address() -> str:
    """An IPv4 address of this machine that isn't a loopback interface's; raises JanusError where there is none."""
    up = {name for name, stats in psutil.net_if_stats().items() if stats.isup}
    for name, addresses in psutil.net_if_addrs().items():
        for one in addresses:
            if name in up and one.family == socket.AF_INET and not one.address.startswith("127."):
                return str(one.address)
    raise JanusError("Janus takes no media on loopback, and this machine has no other IPv4 address")


def _start(config: JanusConfig, cpu: int | None) -> subprocess.Popen[bytes]:
    """A child takes the cores of whoever starts it: before it has any thread."""
    more_files()
    cores = os.sched_getaffinity(0)
    try:
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
        words = ["janus", "--configs-folder", str(config.directory)]
        quiet = subprocess.DEVNULL
        return subprocess.Popen(words, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603
    finally:
        os.sched_setaffinity(0, cores)


async def _connected(config: JanusConfig, process: subprocess.Popen[bytes]) -> JanusApi:
    """The API of a Janus that is starting."""
    api = JanusApi()
    deadline = asyncio.get_running_loop().time() + START_S
    while True:
        try:
            await api.connect(f"ws://127.0.0.1:{config.websocket_port}")
        except aiohttp.ClientError:
            if process.poll() is not None or asyncio.get_running_loop().time() > deadline:
                raise JanusError(f"Janus did not start: {_tail(config.log)}") from None
            await asyncio.sleep(0.05)
        else:
            return api


def _tail(log: Path) -> str:
    """The last line of a log."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return lines[-1] if lines else "it wrote no log"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def serve(cpu: int | None) -> None:
    """Serve until the standard input ends."""
    async with running(cpu) as (adapter, pid, version), serving(adapter) as url:
        await until_input_ends(url, pid, version)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", type=int, help="the core that Janus is pinned to")
    try:
        asyncio.run(serve(parser.parse_args().cpu))
    except JanusError as error:
        raise SystemExit(f"error: {error}") from None
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
