"""Answers: the node's, other servers', and what is no answer at all."""

from __future__ import annotations

import pytest

from agents.load.answer import IceCandidate, read_answer
from agents.load.errors import AnswerError
from agents.load.offer import new_offer
from sfu.sdp.values import Fingerprint, IceCredentials
from tests.support.mangle import mangled_text
from tests.support.sdp import LOCAL, answered
from tests.support.seeded import seeded

FINGERPRINT = Fingerprint("sha-256", ":".join(["AB"] * 32))
OFFER = new_offer(seeded(1), sends=("audio", "video"), seats=1, receives=("audio", "video"), simulcast=True).sdp(
    FINGERPRINT
)
ANSWER = answered(OFFER)

OTHER = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
t=0 0
a=ice-ufrag:abcd
a=ice-pwd:0123456789012345678901
a=fingerprint:sha-256 AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB:AB
a=group:BUNDLE 0
m=video 9 UDP/TLS/RTP/SAVPF 100 101
c=IN IP4 0.0.0.0
a=mid:0
a=setup:passive
a=sendonly
a=rtcp-mux
a=rtpmap:100 VP8/90000
a=rtpmap:101 rtx/90000
a=fmtp:101 apt=100
a=rtcp-fb:* nack
a=candidate:1 1 udp 2130706431 10.0.0.7 5000 typ host
a=candidate:2 1 UDP 2130706430 127.0.0.1 5000 typ host
a=candidate:3 1 tcp 2130706439 10.0.0.8 9 typ host tcptype active
a=candidate:4 2 udp 2130706438 10.0.0.9 5001 typ host
a=candidate:5 1 udp 2130706437 0a1b.local 5002 typ host
a=end-of-candidates
"""


def without(text: str, *beginnings: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith(beginnings))


def test_the_nodes_answer_says_whom_to_connect_to() -> None:
    answer = read_answer(ANSWER)
    assert answer.ice == LOCAL.ice
    assert answer.fingerprints == (LOCAL.fingerprint,)
    assert [(one.host, one.port) for one in answer.candidates] == [("192.0.2.7", 40_000), ("127.0.0.1", 40_000)]


def test_the_nodes_answer_says_what_each_line_does() -> None:
    lines = read_answer(ANSWER).lines
    assert {mid: line.direction for mid, line in lines.items()} == {
        "0": "recvonly",
        "1": "recvonly",
        "2": "sendonly",
        "3": "sendonly",
    }
    assert lines["1"].rids == ("q", "h", "f")
    assert (lines["3"].ssrc, lines["3"].rtx_ssrc) == (1003, 1004)
    (codec,) = lines["3"].codecs
    assert (codec.payload_type, codec.name, codec.rtx_payload_type) == (96, "vp8", 97)
    assert {"nack", "nack pli"} <= codec.feedback


def test_what_stands_above_the_media_counts_for_all_of_it() -> None:
    answer = read_answer(OTHER)
    assert answer.ice == IceCredentials("abcd", "0123456789012345678901")
    assert answer.fingerprints == (FINGERPRINT,)


def test_only_addresses_of_rtp_over_udp_are_candidates() -> None:
    assert read_answer(OTHER).candidates == (
        IceCandidate("10.0.0.7", 5000, 2130706431),
        IceCandidate("127.0.0.1", 5000, 2130706430),
    )


@pytest.mark.parametrize(
    ("near", "host"),
    [("example.org", "10.0.0.7"), ("10.0.0.7", "10.0.0.7"), ("localhost", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")],
)
def test_a_server_on_this_machine_is_reached_by_loopback_any_other_by_its_best(near: str, host: str) -> None:
    assert read_answer(OTHER).candidate(near).host == host


def test_feedback_may_be_for_all_payload_types() -> None:
    (codec,) = read_answer(OTHER).lines["0"].codecs
    assert codec.feedback == {"nack"}
    assert codec.rtx_payload_type == 101


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "the server's answer: sdp line 1: empty description"),
        ("<html>", "sdp line 1: not of the form"),
        (without(OTHER, "a=ice-ufrag"), "no a=ice-ufrag and a=ice-pwd"),
        (without(OTHER, "a=fingerprint"), "no a=fingerprint"),
        (without(OTHER, "a=candidate"), "no a=candidate with a UDP address"),
        (OTHER.replace("m=video 9", "m=video 0"), "refuses every m-line"),
        (OTHER.replace("setup:passive", "setup:active"), "setup active: the offer said active"),
        (OTHER.replace("typ host", "typ"), "malformed candidate"),
        (OTHER.replace("VP8/90000", "VP8"), "sdp line 15: malformed rtpmap"),
        (OTHER.replace("m=video", "m=video\t"), "control characters"),
    ],
)
def test_what_is_wrong_with_an_answer_is_said(text: str, complaint: str) -> None:
    with pytest.raises(AnswerError) as error:
        read_answer(text)
    assert complaint in str(error.value)


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_answer_is_read_or_refused_and_nothing_else(seed: int) -> None:
    rng = seeded(seed)
    read = refused = 0
    for _ in range(100):
        try:
            assert read_answer(mangled_text(ANSWER, rng)).candidates
            read += 1
        except AnswerError:
            refused += 1
    assert read > 0
    assert refused > 0
