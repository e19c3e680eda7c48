"""Offers, as the node's own reader and a second one understand them."""

from __future__ import annotations

from typing import Any

import sdp_transform

from agents.load.offer import EXTENSIONS, Offered, new_offer
from sfu.media import Kind
from sfu.sdp.offer import parse_offer
from sfu.sdp.values import Fingerprint
from tests.support.sdp import agreed
from tests.support.seeded import seeded

FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
BOTH: tuple[Kind, ...] = ("audio", "video")


def offered(**changes: Any) -> Offered:  # noqa: ANN401
    asked: dict[str, Any] = {"sends": BOTH, "seats": 2, "receives": BOTH, "simulcast": False} | changes
    return new_offer(seeded(7), **asked)


def test_what_is_sent_comes_first_and_then_a_pair_of_lines_a_seat() -> None:
    lines = parse_offer(offered().sdp(FINGERPRINT)).media
    assert [(line.mid, line.shape.kind, line.shape.direction) for line in lines] == [
        ("0", "audio", "sendonly"),
        ("1", "video", "sendonly"),
        ("2", "audio", "recvonly"),
        ("3", "video", "recvonly"),
        ("4", "audio", "recvonly"),
        ("5", "video", "recvonly"),
    ]


def test_the_node_gives_as_many_seats_as_were_asked_for() -> None:
    agreement = agreed(offered(seats=3).sdp(FINGERPRINT))
    assert len(agreement.seats) == 3
    assert [track.kind for track in agreement.tracks] == ["audio", "video"]
    assert agreement.as_media(rtcp_ssrc=1).extensions == EXTENSIONS


def test_a_receiver_of_sound_offers_nothing_else() -> None:
    lines = parse_offer(offered(sends=(), receives=("audio",), seats=1).sdp(FINGERPRINT)).media
    assert [(line.shape.kind, line.shape.direction) for line in lines] == [("audio", "recvonly")]


def test_the_streams_are_those_that_will_be_sent() -> None:
    made = offered()
    audio, video, *_ = parse_offer(made.sdp(FINGERPRINT)).media
    (voice,), (picture,) = made.lines[0].layers, made.lines[1].layers
    assert audio.ssrcs == (voice.ssrc,)
    assert video.retransmits == {picture.ssrc: picture.rtx_ssrc}


def test_simulcast_is_three_encodings_low_to_high_known_by_their_rid() -> None:
    made = offered(simulcast=True)
    video = parse_offer(made.sdp(FINGERPRINT)).media[1]
    assert video.shape.rids == ("q", "h", "f") == tuple(layer.rid for layer in made.lines[1].layers)
    assert video.ssrcs == ()
    assert len({layer.ssrc for layer in made.lines[1].layers}) == 3


def test_no_two_offers_share_an_ssrc_or_credentials() -> None:
    random = seeded(7)
    offers = [new_offer(random, sends=BOTH, seats=0, receives=(), simulcast=True) for _ in range(50)]
    ssrcs = [layer.ssrc for one in offers for line in one.lines for layer in line.layers]
    assert len(set(ssrcs)) == len(ssrcs)
    assert len({one.ice.password for one in offers}) == 50


def test_another_reader_understands_it() -> None:
    read = sdp_transform.parse(offered(simulcast=True).sdp(FINGERPRINT))
    audio, video = read["media"][:2]
    assert audio["setup"] == "active"
    assert video["simulcast"] == {"dir1": "send", "list1": "q;h;f"}
    assert {feedback["type"] for feedback in video["rtcpFb"]} == {"nack", "ccm", "transport-cc"}
    assert video["fmtp"] == [{"payload": 97, "config": "apt=96"}]
