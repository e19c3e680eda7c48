"""An agent's peer sends a clip whole and gets a clip whole, over real ICE, DTLS, SRTP and codecs."""

from __future__ import annotations

import asyncio
import dataclasses
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from aiortc import VideoStreamTrack
from aiortc.mediastreams import MediaStreamError

from agents.clip import Clip
from agents.errors import MediaError
from agents.peer import Peer
from agents.play import Player
from agents.seats import Participant, SeatTable
from agents.tap import Tap
from agents.verify import Verifier
from tests.support.eventually import eventually
from tests.support.media import H264_CLIP, VP8_CLIP, joined

FRAMES = 75


def piece(path: Path) -> Clip:
    """Three seconds of a clip."""
    clip = Clip.load(path)
    return dataclasses.replace(
        clip, pictures=clip.pictures[:FRAMES], sounds=clip.sounds[: FRAMES * 2], duration=Fraction(FRAMES, 25)
    )


async def watch(track: Any, tap: Tap | None, verifier: Verifier) -> None:  # noqa: ANN401
    """Read a track to its end."""
    while True:
        try:
            frame = await track.recv()
        except MediaStreamError:
            return
        if track.kind == "video":
            verifier.see_picture(frame, tap or track.tap, asyncio.get_running_loop().time())
        else:
            verifier.see_sound(frame, tap or track.tap)


def assert_whole(verifier: Verifier) -> None:
    """All frames but those that the receiver still holds back, once and in order; sound in step."""
    pictures = verifier.pictures
    assert (pictures.missing, pictures.repeated, pictures.misordered) == (0, 0, 0)
    assert pictures.first_number == 0
    assert pictures.distinct >= FRAMES - 2
    assert (verifier.sounds.beeps, verifier.sounds.missing) == (3, 0)
    assert verifier.packets("video")[1] == verifier.packets("audio")[1] == 0
    sync = verifier.lip_sync()
    assert sync is not None
    assert sync.worst_ms < 10


async def played(player: Player, verifier: Verifier, *watching: asyncio.Task[None]) -> None:
    """Play the clip until all of it and the sender reports have arrived."""
    player.start()

    async def arrived() -> bool:
        whole = verifier.pictures.distinct >= FRAMES - 2 and verifier.sounds.beeps >= 3
        return whole and verifier.lip_sync() is not None

    await eventually(arrived, "the whole clip arrived", 30)
    for task in watching:
        task.cancel()


@pytest.mark.parametrize("path", [VP8_CLIP, H264_CLIP], ids=["vp8", "h264"])
async def test_what_is_sent_is_decoded_once_and_in_order(path: Path) -> None:
    player = Player(piece(path))
    peer, verifier = Peer(player.tracks, seats=1), Verifier()
    async with joined(peer) as far:
        taps = [Tap(far.receiver(kind), kind) for kind in ("audio", "video")]
        tasks = [asyncio.create_task(watch(far.receiver(tap.kind).track, tap, verifier)) for tap in taps]
        await played(player, verifier, *tasks)
    assert_whole(verifier)


@pytest.mark.parametrize("path", [VP8_CLIP, H264_CLIP], ids=["vp8", "h264"])
async def test_a_seat_gives_its_participant_everything_in_step(path: Path) -> None:
    player = Player(piece(path))
    peer, verifier, alice = Peer([], seats=2), Verifier(), Participant("alice", "p1")
    async with joined(peer, player.tracks):
        audio, video = peer.relay("0"), peer.relay("1")
        assert audio is not None
        assert video is not None
        seats = SeatTable()
        seats.add("0", audio, video)
        seats.sit({"0": {"participant": "alice", "peer": "p1"}})
        seats.apply({"p1": alice})
        tasks = [asyncio.create_task(watch(track, None, verifier)) for track in (alice.audio, alice.video)]
        await played(player, verifier, *tasks)
    assert_whole(verifier)


async def test_the_offer_has_its_tracks_first_and_then_pairs_of_seats() -> None:
    player = Player(piece(VP8_CLIP))
    peer = Peer(player.tracks, seats=2)
    lines = [line for line in (await peer.offer()).splitlines() if line.startswith(("m=", "a=sendonly", "a=recvonly"))]
    shape = [f"{m.split()[0][2:]} {direction[2:]}" for m, direction in zip(lines[::2], lines[1::2], strict=True)]
    assert shape == ["audio sendonly", "video sendonly", *["audio recvonly", "video recvonly"] * 2]
    assert peer.labels() == {
        "0": {"source": "microphone", "muted": False},
        "1": {"source": "camera", "muted": False},
    }
    await peer.close()


async def test_more_seats_disturb_nothing() -> None:
    player = Player(piece(VP8_CLIP))
    peer = Peer(player.tracks, seats=1)
    async with joined(peer) as far:
        player.start()
        track = far.receiver("video").track
        for _ in range(5):
            await asyncio.wait_for(track.recv(), 5)
        peer.add_seats(4)
        await peer.apply(await far.answer(await peer.offer()))
        assert peer.relay("10") is not None
        for _ in range(5):
            await asyncio.wait_for(track.recv(), 5)
        assert peer.state == "connected"


async def frames_come(track: Any, count: int) -> None:  # noqa: ANN401
    for _ in range(count):
        await asyncio.wait_for(track.recv(), 5)


async def until_it_stands(peer: Peer) -> int:
    """Wait until no picture goes out any more; how many packets there were."""
    loop = asyncio.get_running_loop()
    before, since = -1, loop.time()

    async def stands() -> bool:
        nonlocal before, since
        if (await peer.sent())["video"] != before:
            before, since = (await peer.sent())["video"], loop.time()
        return loop.time() - since > 0.4

    await eventually(stands, "the picture stands")
    return before


@pytest.mark.parametrize("passed_through", [True, False], ids=["passed through", "encoded"])
async def test_a_picture_that_nobody_takes_is_not_sent_and_goes_on_with_a_keyframe(passed_through: bool) -> None:
    player = Player(Clip.load(VP8_CLIP), loop=True)
    picture = player.video if passed_through else VideoStreamTrack()
    assert picture is not None
    assert player.audio is not None
    peer = Peer((player.audio, picture), seats=1)
    async with joined(peer) as far:
        player.start()
        track = far.receiver("video").track
        await frames_come(track, 30)
        peer.take_layers({"7": (), "1": ()})
        stood = await until_it_stands(peer)
        sound = (await peer.sent())["audio"]
        peer.take_layers({"7": ()})

        async def speaks() -> bool:
            return (await peer.sent())["audio"] > sound + 20

        await eventually(speaks, "the sound goes on")
        assert (await peer.sent())["video"] == stood
        peer.take_layers({"1": ("",)})
        await frames_come(track, 30)
        peer.take_layers({"1": ()})
        await until_it_stands(peer)
        peer.take_layers(None)  # the node cannot be heard: perhaps somebody takes it
        await frames_come(track, 30)


async def test_an_answer_that_does_not_fit_is_refused_in_words() -> None:
    peer = Peer([], seats=1)
    await peer.offer()
    with pytest.raises(MediaError, match="does not fit our offer"):
        await peer.apply("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n")
    await peer.close()


async def test_a_lost_connection_is_told_once() -> None:
    lost: list[bool] = []
    peer = Peer([], seats=1, on_lost=lambda: lost.append(True))
    async with joined(peer) as far:
        await far.connection.close()

        async def told() -> bool:
            return bool(lost)

        await eventually(told, "the loss was told")
    assert lost == [True]
