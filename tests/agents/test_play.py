"""A clip goes out once, in order and on time, whatever its viewers ask for."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
from fractions import Fraction
from typing import Any

import av
import pytest
from aiortc.mediastreams import MediaStreamError

from agents import marks
from agents.clip import Clip
from agents.encoder import picture_decoder
from agents.pictures import VIDEO_CLOCK
from agents.play import Player
from agents.sounds import AUDIO_CLOCK
from agents.tracks import ClipVideo
from tests.support.media import H264_CLIP, VP8_CLIP


@pytest.fixture(scope="module", params=[VP8_CLIP, H264_CLIP], ids=["vp8", "h264"])
def whole(request: pytest.FixtureRequest) -> Clip:
    return Clip.load(request.param)


def piece(clip: Clip, frames: int) -> Clip:
    """The first frames of a clip."""
    return dataclasses.replace(
        clip, pictures=clip.pictures[:frames], sounds=clip.sounds[: frames * 2], duration=Fraction(frames, 25)
    )


async def drain(track: Any, count: int | None = None) -> list[Any]:  # noqa: ANN401
    """Packets of a track, to its end or to a number."""
    packets: list[Any] = []
    while count is None or len(packets) < count:
        try:
            packets.append(await track.recv())
        except MediaStreamError:
            break
    return packets


def shown(video: ClipVideo, packets: list[Any]) -> list[int | None]:
    """Numbers on what a viewer of all the packets decodes."""
    decoder = picture_decoder(video.codec)
    frames = [frame for packet in packets for frame in decoder.decode(av.Packet(bytes(packet)))]
    return [mark.number if (mark := marks.read_frame(frame)) else None for frame in frames]


async def test_a_clip_plays_once_in_its_own_packets(whole: Clip) -> None:
    clip = piece(whole, 10)
    player = Player(clip)
    assert player.video is not None
    assert player.audio is not None
    player.start()
    pictures, sounds = await asyncio.gather(drain(player.video), drain(player.audio))
    assert [bytes(packet) for packet in pictures] == [picture.payload for picture in clip.pictures]
    assert [bytes(packet) for packet in sounds][-20:] == [sound.payload for sound in clip.sounds]
    await asyncio.wait_for(player.finished(), 1)


async def test_sound_and_picture_keep_their_distance(whole: Clip) -> None:
    clip = piece(whole, 5)
    player = Player(clip)
    assert player.video is not None
    assert player.audio is not None
    player.start()
    pictures, sounds = await asyncio.gather(drain(player.video), drain(player.audio))
    first_sound = sounds[-len(clip.sounds)]
    distance = Fraction(pictures[0].pts, VIDEO_CLOCK) - Fraction(first_sound.pts, AUDIO_CLOCK)
    own = Fraction(clip.pictures[0].at, VIDEO_CLOCK) - Fraction(clip.sounds[0].at, AUDIO_CLOCK)
    assert distance == own


async def test_timestamps_go_on_through_a_loop(whole: Clip) -> None:
    player = Player(piece(whole, 5), loop=True)
    assert player.video is not None
    assert player.audio is not None
    player.start()
    pictures, sounds = await asyncio.gather(drain(player.video, 18), drain(player.audio, 40))
    assert {b.pts - a.pts for a, b in itertools.pairwise(pictures)} == {3600}
    assert {b.pts - a.pts for a, b in itertools.pairwise(sounds)} == {960}
    assert shown(player.video, pictures) == [i % 5 for i in range(18)]


async def test_before_the_start_a_still_and_silence_are_sent(whole: Clip) -> None:
    player = Player(piece(whole, 5))
    assert player.video is not None
    assert player.audio is not None
    stills, silent = await asyncio.gather(drain(player.video, 3), drain(player.audio, 12))
    assert shown(player.video, stills) == [None] * 3
    assert player.audio.level == 127
    player.start()
    pictures, sounds = await asyncio.gather(drain(player.video), drain(player.audio))
    assert shown(player.video, stills + pictures)[3:] == list(range(5))
    assert [b.pts - a.pts for a, b in itertools.pairwise(silent + sounds)] == [960] * (len(silent) + len(sounds) - 1)
    assert (player.video.sent.frames, player.video.sent.stills) == (5, 3)


async def test_a_viewer_who_waits_gets_a_keyframe_at_once(whole: Clip) -> None:
    player = Player(whole)
    video = player.video
    assert video is not None
    await drain(video, 3)
    while video._last_keyframe + 0.25 > video._head.now():
        await drain(video, 1)
    video.request_keyframe()
    asked = video._head.now()
    (packet,) = await drain(video, 1)
    assert shown(video, [packet]) == [None]  # decodes by itself
    assert packet.pts / VIDEO_CLOCK - asked < 0.08  # not the next one's turn, 100 ms on


async def test_a_keyframe_in_the_middle_bridges_to_the_clips_next_one(whole: Clip) -> None:
    clip = piece(whole, 60)
    player = Player(clip)
    video = player.video
    assert video is not None
    player.start()
    packets = await drain(video, 20)
    video.request_keyframe()
    packets += await drain(video)
    assert shown(video, packets) == list(range(60))
    own = [bytes(packet) == picture.payload for packet, picture in zip(packets, clip.pictures, strict=True)]
    bridge = [i for i, same in enumerate(own) if not same]
    assert 20 <= bridge[0] <= 24
    assert bridge == list(range(bridge[0], 50))  # up to the clip's own keyframe, and no further
    assert video.sent.bridged == len(bridge)
    assert shown(video, packets[bridge[0] :]) == list(range(bridge[0], 60))  # what the newcomer sees


async def test_a_keyframe_of_the_clip_that_is_near_is_waited_for(whole: Clip) -> None:
    player = Player(piece(whole, 52))
    video = player.video
    assert video is not None
    player.start()
    packets = await drain(video, 49)
    video.request_keyframe()
    packets += await drain(video)
    assert video.sent.bridged == 0


async def test_what_nobody_takes_is_left_out_and_goes_on_where_it_is_by_then_with_a_keyframe(whole: Clip) -> None:
    player = Player(piece(whole, 75))
    video = player.video
    assert video is not None
    player.start()
    packets = await drain(video, 30)
    video.take(taken=False)
    going_on = asyncio.create_task(drain(video, 1))
    assert await asyncio.wait({going_on}, timeout=0.4) == (set(), {going_on})
    video.take(taken=True)
    resumed = video._head.now()
    after = await going_on + await drain(video)
    assert after[0].pts / VIDEO_CLOCK - resumed < 0.25  # it is being decoded, not waited for
    first = 75 - len(after)
    assert 38 <= first <= 48
    assert shown(video, after) == list(range(first, 75))  # what a newcomer sees
    assert shown(video, packets + after) == [*range(30), *range(first, 75)]
    assert (video.sent.frames, video.sent.untaken) == (30 + len(after), first - 30)


async def test_the_beginning_of_a_clip_is_sent_whatever(whole: Clip) -> None:
    player = Player(piece(whole, 30))
    video = player.video
    assert video is not None
    video.take(taken=False)
    player.start()
    assert shown(video, await drain(video)) == list(range(25))
    assert video.sent.untaken == 5


async def test_a_clip_ends_though_nobody_takes_it(whole: Clip) -> None:
    player = Player(piece(whole, 28))
    assert player.video is not None
    assert player.audio is not None
    player.start()
    player.video.take(taken=False)
    await asyncio.gather(drain(player.video), drain(player.audio))
    await asyncio.wait_for(player.finished(), 1)


async def test_a_stopped_track_gives_nothing_more(whole: Clip) -> None:
    player = Player(piece(whole, 5))
    assert player.video is not None
    player.video.stop()
    with pytest.raises(MediaStreamError):
        await player.video.recv()


async def test_players_of_one_clip_do_not_disturb_each_other(whole: Clip) -> None:
    videos = [player.video for player in (Player(whole) for _ in range(4))]
    for video in videos:
        assert video is not None
        video.request_keyframe()
    waiting = await asyncio.gather(*(drain(video, 8) for video in videos))
    for video, stills in zip(videos, waiting, strict=True):
        assert video is not None
        assert shown(video, stills) == [None] * 8
