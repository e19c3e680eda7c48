"""Of two offers two answers are made, and each says what its reader needs of the other."""

from __future__ import annotations

import pytest

from tests.load.adapter import Refused
from tests.load.mirror import Answers, count, mirrored, passive

CLIENT = """v=0
o=- 7 1 IN IP4 0.0.0.0
s=-
t=0 0
a=group:BUNDLE a v w
a=fingerprint:sha-512 00:11
a=fingerprint:sha-256 AA:BB
m=audio 9 UDP/TLS/RTP/SAVPF 96 0
a=mid:a
a=recvonly
a=rtpmap:96 opus/48000/2
a=ice-ufrag:theirs
a=ice-pwd:their-password
a=setup:actpass
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
m=video 9 UDP/TLS/RTP/SAVPF 100 101
a=mid:v
a=recvonly
a=rtpmap:100 VP8/90000
a=rtcp-fb:100 nack pli
a=ice-ufrag:theirs
a=ice-pwd:their-password
a=setup:actpass
a=extmap:9 urn:ietf:params:rtp-hdrext:sdes:mid
m=video 9 UDP/TLS/RTP/SAVPF 100
a=mid:w
a=recvonly
a=rtpmap:100 VP8/90000
a=ice-ufrag:theirs
a=ice-pwd:their-password
a=setup:actpass
"""
JANUS = """v=0
o=- 8 1 IN IP4 192.0.2.9
s=VideoRoom hall
t=0 0
a=group:BUNDLE 0 1
a=fingerprint:sha-256 CC:DD
a=ice-lite
m=video 9 UDP/TLS/RTP/SAVPF 96 97
a=sendonly
a=mid:0
a=ice-ufrag:ours
a=ice-pwd:our-password
a=setup:actpass
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 nack pli
a=rtcp-fb:96 transport-cc
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=ssrc:11 cname:janus
a=candidate:1 1 udp 2015363327 192.0.2.9 31692 typ host
m=audio 9 UDP/TLS/RTP/SAVPF 111
a=sendonly
a=mid:1
a=ice-ufrag:ours
a=ice-pwd:our-password
a=setup:actpass
a=rtpmap:111 opus/48000/2
a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid
a=ssrc:22 cname:janus
"""


def lines(sdp: str, mid: str) -> list[str]:
    """What an SDP says of one m-line."""
    return next(part.splitlines() for part in sdp.split("m=") if f"a=mid:{mid}\r\n" in part)


@pytest.fixture(scope="module")
def answers() -> Answers:
    return mirrored(CLIENT, JANUS)


def test_the_client_is_answered_in_the_order_of_its_own_m_lines(answers: Answers) -> None:
    assert [line for line in answers.client.splitlines() if line.startswith("a=mid")] == [
        "a=mid:a",
        "a=mid:v",
        "a=mid:w",
    ]
    assert "a=group:BUNDLE a v w" in answers.client.splitlines()
    assert {"audio 9 UDP/TLS/RTP/SAVPF 111", "a=ssrc:22 cname:janus", "a=sendonly"} <= set(lines(answers.client, "a"))
    assert {"video 9 UDP/TLS/RTP/SAVPF 96", "a=ssrc:11 cname:janus", "a=sendonly"} <= set(lines(answers.client, "v"))


def test_janus_is_answered_in_the_order_of_its_own_m_lines(answers: Answers) -> None:
    assert [line for line in answers.janus.splitlines() if line.startswith("a=mid")] == ["a=mid:0", "a=mid:1"]
    assert {"video 9 UDP/TLS/RTP/SAVPF 96", "a=recvonly"} <= set(lines(answers.janus, "0"))


def test_each_side_gets_the_others_ice_and_dtls_and_janus_is_passive(answers: Answers) -> None:
    for mid in ("a", "v", "w"):
        wanted = {"a=ice-ufrag:ours", "a=ice-pwd:our-password", "a=fingerprint:sha-256 CC:DD", "a=setup:passive"}
        assert wanted <= set(lines(answers.client, mid))
    wanted = {"a=ice-ufrag:theirs", "a=ice-pwd:their-password", "a=fingerprint:sha-256 AA:BB", "a=setup:active"}
    assert wanted <= set(lines(answers.janus, "0"))
    assert "a=ice-lite" in answers.client.splitlines()
    assert "a=ice-lite" not in answers.janus.splitlines()
    assert "a=candidate:1 1 udp 2015363327 192.0.2.9 31692 typ host" in answers.client.splitlines()


def test_only_what_both_offered_is_agreed_on(answers: Answers) -> None:
    for text in (lines(answers.client, "v"), lines(answers.janus, "0")):
        assert "a=rtcp-fb:96 nack pli" in text
        assert not [line for line in text if "transport-cc" in line or "rtx" in line or "apt" in line]
        # The client's id of the same extension is another one.
        assert not [line for line in text if "extmap" in line]
    assert "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid" in lines(answers.client, "a")


def test_an_m_line_that_janus_has_nothing_for_is_inactive(answers: Answers) -> None:
    assert "a=inactive" in lines(answers.client, "w")


def test_more_than_was_asked_for_is_refused_and_so_are_strange_codecs() -> None:
    audio_only = CLIENT[: CLIENT.index("m=video")]
    with pytest.raises(Refused, match="no m-line for video 0"):
        mirrored(audio_only, JANUS)
    with pytest.raises(Refused, match="none of the codecs of audio 1"):
        mirrored(CLIENT.replace("opus/48000", "G722/8000"), JANUS)
    with pytest.raises(Refused, match="fingerprint"):
        mirrored(CLIENT.replace("sha-256", "sha-384"), JANUS)


def test_m_lines_are_counted_by_kind() -> None:
    assert count(CLIENT) == {"audio": 1, "video": 2}


def test_the_maker_of_a_passive_offer_is_active() -> None:
    assert passive(CLIENT).count("a=setup:active\n") == 3
    assert "actpass" not in passive(CLIENT)
