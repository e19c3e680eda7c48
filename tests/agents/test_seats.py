"""Frames go to whoever sits in the seat, also when they are faster than the news of it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import VideoFrame

from agents.seats import HELD, Participant, ParticipantTrack, Relay, SeatTable
from agents.tap import Tap


class Source(MediaStreamTrack):
    """A receiver's track that gives what it is fed."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[VideoFrame | None] = asyncio.Queue()

    async def recv(self) -> VideoFrame:
        frame = await self.queue.get()
        if frame is None:
            raise MediaStreamError
        return frame


class Receiver:
    """As much of a receiver as a tap observes."""

    async def _handle_rtp_packet(self, *_: object, **__: object) -> None: ...

    async def _handle_rtcp_packet(self, *_: object) -> None: ...


def tap(kind: str = "video") -> Tap:
    receiver: Any = Receiver()
    return Tap(receiver, kind)


def frames(count: int) -> list[VideoFrame]:
    return [VideoFrame(16, 16) for _ in range(count)]


async def test_frames_go_to_who_sits_there() -> None:
    relay, source, track = Relay(tap()), Source(), ParticipantTrack("video")
    relay.seat(track)
    sent = frames(3)
    for frame in [*sent, None]:
        source.queue.put_nowait(frame)
    await relay.run(source)
    assert [await track.recv() for _ in sent] == sent


async def test_frames_that_are_faster_than_the_news_wait_for_it() -> None:
    relay, source, track = Relay(tap()), Source(), ParticipantTrack("video")
    sent = frames(3)
    for frame in [*sent, None]:
        source.queue.put_nowait(frame)
    await relay.run(source)
    relay.seat(track)
    assert [await track.recv() for _ in sent] == sent


async def test_a_newcomer_does_not_get_the_last_ones_frames() -> None:
    relay, alice, bob = Relay(tap()), ParticipantTrack("video"), ParticipantTrack("video")
    relay.seat(alice)
    (frame,) = frames(1)
    relay._deliver(frame)
    relay.seat(bob)
    bob.stop()
    assert await alice.recv() is frame
    with pytest.raises(MediaStreamError):
        await bob.recv()


async def test_a_track_that_nobody_reads_holds_the_newest() -> None:
    track, through = ParticipantTrack("video"), tap()
    sent = frames(HELD["video"] + 5)
    for frame in sent:
        track.put(frame, through)
    assert track.dropped == 5
    assert await track.recv() is sent[5]


async def test_what_was_held_can_be_read_after_the_end() -> None:
    track = ParticipantTrack("video")
    (frame,) = frames(1)
    track.put(frame, tap())
    track.stop()
    assert await track.recv() is frame
    with pytest.raises(MediaStreamError):
        await track.recv()


async def test_the_table_seats_and_unseats_by_peer() -> None:
    table, audio, video = SeatTable(), Relay(tap("audio")), Relay(tap())
    alice, bob = Participant("a", "p1"), Participant("b", "p2")
    table.add("0", audio, video)
    table.sit({"0": {"participant": "b", "peer": "p2"}})
    table.apply({"p1": alice, "p2": bob})
    assert (audio._to, video._to) == (bob.audio, bob.video)
    table.sit({"0": None})
    table.apply({"p1": alice, "p2": bob})
    assert video._to is None


async def test_a_seat_whose_picture_is_held_back_stays_with_who_sits_there() -> None:
    table, audio, video = SeatTable(), Relay(tap("audio")), Relay(tap())
    bob = Participant("b", "p2")
    table.add("0", audio, video)
    for paused in (False, True, False):
        table.sit({"0": {"participant": "b", "peer": "p2", "paused": paused}})
        table.apply({"p2": bob})
        assert (audio._to, video._to) == (bob.audio, bob.video)


async def test_news_of_somebody_not_yet_known_waits_for_them() -> None:
    table, audio, video = SeatTable(), Relay(tap("audio")), Relay(tap())
    table.sit({"0": {"participant": "a", "peer": "p1"}})
    table.add("0", audio, video)
    table.apply({})
    alice = Participant("a", "p1")
    table.apply({"p1": alice})
    assert video._to is alice.video
