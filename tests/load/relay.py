"""`python -m tests.load.relay [--cpu N]`: aiortc's own way to forward, MediaRelay, behind WHIP and WHEP.

tertulia load -> front -> **relay** -> aiortc

What a Python program gets without an SFU: each track is decoded once and encoded for every watcher.  So packets are not
those that were sent: a measurement can count them and take the CPU for one, but not compare them or time them.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib.metadata import version

import aiortc
from aiortc.contrib.media import MediaRelay
from aiortc.mediastreams import MediaStreamTrack

from tests.load.adapter import Joined, Refused
from tests.load.front import more_files, serving, until_input_ends
from tests.load.mirror import count, passive
from tests.load.rooms import Rooms

Tracks = dict[str, MediaStreamTrack]


class Relay:
    """MediaRelay as an adapter."""

    def __init__(self) -> None:
        self._relay = MediaRelay()
        self._rooms: Rooms[Tracks] = Rooms()

    async def publish(self, room: str, name: str, offer: str) -> Joined:
        """Take what is sent."""
        count(offer)  # refuses what is no offer, which aiortc would answer
        connection = _connection()
        answer = await _answer(connection, offer)
        tracks = {each.kind: each.receiver.track for each in connection.getTransceivers()}
        self._rooms.add(room, name, tracks)

        async def leave() -> None:
            self._rooms.remove(room, name)
            await connection.close()

        return Joined(answer, leave)

    async def watch(self, room: str, name: str, offer: str) -> Joined:
        """Send each kind of the others' tracks on as many m-lines as the offer has."""
        seats = count(offer)
        others = await self._rooms.others(room, name, max(seats.values()))
        connection = _connection()
        for kind in seats:
            tracks = [tracks[kind] for tracks in others.values() if kind in tracks]
            for track in tracks[: seats[kind]]:
                connection.addTransceiver(self._relay.subscribe(track), direction="sendonly")
        return Joined(await _answer(connection, offer), connection.close)


def _connection() -> aiortc.RTCPeerConnection:
    bundle = aiortc.RTCBundlePolicy.MAX_BUNDLE
    return aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[], bundlePolicy=bundle))


async def _answer(connection: aiortc.RTCPeerConnection, offer: str) -> str:
    """Apply an offer and answer it as the passive side of DTLS; closes the connection where that fails."""
    try:
        await connection.setRemoteDescription(aiortc.RTCSessionDescription(passive(offer), "offer"))
        await connection.setLocalDescription(await connection.createAnswer())
    # Of an SDP aiortc asserts what it doesn't check.
    except (ValueError, AssertionError) as error:
        await connection.close()
        raise Refused(f"aiortc does not take this offer: {error}") from None
    return str(connection.localDescription.sdp)


@asynccontextmanager
async def running(cpu: int | None = None) -> AsyncIterator[tuple[Relay, int, str]]:
    """The relay in this process, pinned to a core; the adapter, the process id and aiortc's version."""
    more_files()
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    yield Relay(), os.getpid(), version("aiortc")


async def serve(cpu: int | None) -> None:
    """Serve until the standard input ends."""
    async with running(cpu) as (adapter, pid, release), serving(adapter) as url:
        await until_input_ends(url, pid, release)


def main() -> None:
    """Run the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", type=int, help="the core that it is pinned to")
    with suppress(KeyboardInterrupt):
        asyncio.run(serve(parser.parse_args().cpu))


if __name__ == "__main__":
    main()
