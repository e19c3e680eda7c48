"""What an endpoint sends and receives once the server has answered."""

from __future__ import annotations

import pytest

from agents.load.answer import read_answer
from agents.load.errors import AnswerError
from agents.load.media import EndpointMedia
from agents.load.offer import EXTENSIONS, Offered, new_offer
from agents.load.tracks import ClipHandles, endpoint_media
from sfu.media import Extensions, Kind
from sfu.sdp.values import Fingerprint
from tests.support.sdp import answered
from tests.support.seeded import seeded

FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
CLIPS = ClipHandles(audio=0, video=(1,), length_ms=10_000)
LAYERED = ClipHandles(audio=0, video=(1, 2, 3), length_ms=10_000)


def offered(*, seats: int = 1, simulcast: bool = False) -> Offered:
    both: tuple[Kind, ...] = ("audio", "video")
    return new_offer(seeded(3), sends=both, seats=seats, receives=both, simulcast=simulcast)


def media(made: Offered, answer: str, clips: ClipHandles = CLIPS) -> EndpointMedia:
    return endpoint_media(made, read_answer(answer), clips, seeded(1))


def answer_to(made: Offered) -> str:
    return answered(made.sdp(FINGERPRINT))


def test_it_sends_its_own_ssrcs_in_the_servers_payload_types() -> None:
    made = offered()
    audio, video = media(
        made,
        answer_to(made)
        .replace(" 96 97", " 120 121")
        .replace(":96 ", ":120 ")
        .replace(":97 ", ":121 ")
        .replace("apt=96", "apt=120"),
    ).sends
    assert (audio.payload_type, audio.rtx_payload_type, audio.layers[0].clip) == (111, None, 0)
    assert (video.payload_type, video.rtx_payload_type, video.layers[0].clip) == (120, 121, 1)
    assert [layer.ssrc for layer in video.layers] == [layer.ssrc for layer in made.lines[1].layers]


def test_what_was_not_negotiated_is_not_used() -> None:
    made = offered()
    plain = "".join(
        line
        for line in answer_to(made).splitlines(keepends=True)
        if "rtx/90000" not in line and "extmap" not in line and "rtcp-fb" not in line
    )
    told = media(made, plain)
    assert told.extensions == Extensions()
    assert told.sends[1].rtx_payload_type is None
    assert told.sends[1].layers[0].rtx_ssrc is None
    assert not told.receives[1].nack
    assert not told.receives[1].pli
    assert told.receives[1].rtx_payload_types == ()


def test_each_seat_is_received_under_the_ssrcs_of_the_answer() -> None:
    made = offered(seats=2)
    told = media(made, answer_to(made))
    assert [(line.mid, line.kind, line.ssrc, line.rtx_ssrc) for line in told.receives] == [
        ("2", "audio", 1001, None),
        ("3", "video", 1003, 1004),
        ("4", "audio", 1005, None),
        ("5", "video", 1007, 1008),
    ]
    assert told.extensions == EXTENSIONS
    assert told.receives[1].nack
    assert told.receives[1].pli
    assert told.receives[1].rtx_payload_types == (97,)


def test_all_layers_that_the_server_takes_are_sent() -> None:
    made = offered(simulcast=True)
    video = media(made, answer_to(made), LAYERED).sends[1]
    assert [(layer.rid, layer.clip) for layer in video.layers] == [("q", 1), ("h", 2), ("f", 3)]


def test_a_server_that_takes_some_layers_gets_those() -> None:
    made = offered(simulcast=True)
    video = media(made, answer_to(made).replace("recv q;h;f", "recv h;f"), LAYERED).sends[1]
    assert [(layer.rid, layer.clip) for layer in video.layers] == [("h", 2), ("f", 3)]


def test_a_server_without_simulcast_gets_the_largest_layer_without_a_rid() -> None:
    made = offered(simulcast=True)
    video = media(made, answer_to(made).replace("a=simulcast", "a=x-simulcast"), LAYERED).sends[1]
    assert [(layer.rid, layer.clip) for layer in video.layers] == [(None, 3)]


def test_voice_and_picture_of_a_publisher_begin_together_somewhere_in_the_clip() -> None:
    made = offered()
    audio, video = media(made, answer_to(made)).sends
    assert audio.offset_ms == video.offset_ms
    assert 0 < audio.offset_ms < CLIPS.length_ms


def test_a_seat_that_the_server_refuses_is_left_out() -> None:
    made = offered(seats=1)
    told = media(made, answer_to(made).replace("a=sendonly", "a=inactive"))
    assert told.receives == ()


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("a=mid:1\r\n", "a=mid:9\r\n", "no m-line with mid 1"),
        ("VP8/90000", "VP9/90000", "takes no video in vp8 (mid 1)"),
        ("opus/48000/2", "PCMU/8000", "takes no audio in opus (mid 0)"),
        ("a=recvonly", "a=inactive", "takes no audio in opus (mid 0)"),
    ],
)
def test_a_server_that_refuses_what_is_sent_is_an_error(old: str, new: str, complaint: str) -> None:
    made = offered()
    with pytest.raises(AnswerError) as error:
        media(made, answer_to(made).replace(old, new))
    assert complaint in str(error.value)
