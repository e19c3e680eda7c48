"""Offers are read strictly: what browsers send is taken, what is broken is refused by line."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import sdp_transform

from sfu.errors import BadRequest, MalformedSdp
from sfu.sdp import shapes
from sfu.sdp.lines import MAX_SDP_BYTES
from sfu.sdp.offer import parse_offer
from sfu.sdp.sections import MAX_CANDIDATES, MAX_MEDIA_LINES
from tests.support.mangle import mangled_text
from tests.support.sdp import VECTORS, vector

NOBODY_S = parse_offer(vector("firefox_plain_4_seats")).media[0].shape
"""Stands for every shape, where what it says is looked at on its own."""


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_every_recorded_offer_is_read_as_another_reader_reads_it(path: Path) -> None:
    text = path.read_bytes().decode()
    other = sdp_transform.parse(text)
    offer = parse_offer(text)
    assert [line.mid for line in offer.media] == [str(line["mid"]) for line in other["media"]]
    assert [line.shape.direction for line in offer.media][:2] == [line["direction"] for line in other["media"][:2]]
    for line, theirs in zip(offer.media, other["media"], strict=True):
        mapped = [(payload.payload_type, payload.name) for payload in line.shape.payloads]
        assert sorted(mapped) == sorted((item["payload"], item["codec"]) for item in theirs["rtp"])
        assert {item.id: item.uri for item in line.shape.extensions} == {
            item["value"]: item["uri"] for item in theirs.get("ext", [])
        }


def test_simulcast_encodings_keep_the_client_s_order() -> None:
    for name in ("chromium_simulcast_4_seats", "firefox_simulcast_4_seats"):
        assert parse_offer(vector(name)).media[1].shape.rids == ("q", "h", "f")


def test_a_bundle_only_line_is_not_a_stopped_one() -> None:
    offer = parse_offer(vector("firefox_plain_4_seats"))
    assert not any(line.shape.stopped for line in offer.media)


def test_a_fingerprint_at_session_level_counts_for_all_lines() -> None:
    (fingerprint,) = parse_offer(vector("firefox_plain_4_seats")).fingerprints
    assert fingerprint.algorithm == "sha-256"


def test_text_stays_text() -> None:
    text = vector("chromium_plain_4_seats").replace("a=mid:0\r", "a=mid:007\r").replace("BUNDLE 0", "BUNDLE 007")
    assert parse_offer(text).media[0].mid == "007"


def line_number(text: str, start: str) -> int:
    """The number of the first line that begins so."""
    return next(number for number, line in enumerate(text.splitlines(), start=1) if line.startswith(start))


BROKEN = [
    ("a=mid:1", "a=mid:0", "used twice"),
    ("a=mid:1", "a=mid:a b", "malformed mid"),
    ("a=mid:1", "a=mid:", "malformed mid"),
    ("a=mid:1", "a mid:1", "not of the form"),
    ("a=mid:1", "", "not of the form"),
    ("a=mid:1", "x=1", "not of the form"),
    ("a=mid:1", "a=mid:1\x00", "control characters"),
    ("a=mid:1", "a=mid:" + "1" * 5000, "longer than"),
    ("a=ice-pwd:", "a=ice-pwd:short", "22 to 256"),
    ("a=ice-ufrag:", "a=ice-ufrag:ab", "4 to 256"),
    ("a=fingerprint:", "a=fingerprint:sha-256 AB:CD", "32 octets"),
    ("a=fingerprint:", "a=fingerprint:sha-256", "malformed fingerprint"),
    ("a=setup:", "a=setup:passive", "start DTLS"),
    ("a=setup:", "a=setup:sideways", "unknown setup"),
    ("a=rtpmap:96", "a=rtpmap:96 VP8", "malformed rtpmap"),
    ("a=rtpmap:96", "a=rtpmap:196 VP8/90000", "above 127"),
    ("a=extmap:4", "a=extmap:0 urn:x", "reserved"),
    ("a=extmap:4", "a=extmap:four urn:x", "malformed extmap"),
    ("a=extmap:4", "a=extmap:2 urn:x", "used twice"),
    ("a=ssrc-group:FID", "a=ssrc-group:FID 1", "two SSRCs"),
    ("a=ssrc:", "a=ssrc:5000000000 cname:x", "above"),
    ("a=candidate:", "a=candidate:1 1 udp", "malformed candidate"),
    ("a=candidate:", "a=candidate:1 1 udp 1 127.0.0.1 70000 typ host", "above 65535"),
    ("m=video", "m=video 9 UDP/TLS/RTP/SAVPF 96 300", "payload type"),
    ("m=video", "m=video", "malformed m-line"),
    ("o=", "o=me", "malformed origin"),
    ("v=0", "v=1", "starts with v=0"),
]


@pytest.mark.parametrize(("start", "replacement", "problem"), BROKEN, ids=[f"{a[:12]}-{c}" for a, _, c in BROKEN])
def test_a_broken_line_is_refused_by_its_number(start: str, replacement: str, problem: str) -> None:
    text = vector("chromium_plain_4_seats")
    number = line_number(text, start)
    lines = text.split("\r\n")
    lines[number - 1] = replacement
    with pytest.raises(MalformedSdp) as caught:
        parse_offer("\r\n".join(lines))
    assert problem in str(caught.value)
    if problem != "used twice" or start != "a=mid:1":
        assert f"sdp line {number}:" in str(caught.value)
    assert caught.value.wire["error"] == 400


def test_rid_and_simulcast_lines_are_checked() -> None:
    text = vector("chromium_simulcast_4_seats")
    for before, after in (
        ("a=rid:q send", "a=rid:q! send"),
        ("a=rid:h send", "a=rid:q send"),
        ("a=simulcast:send q;h;f", "a=simulcast:send q;;f"),
        ("a=simulcast:send q;h;f", "a=simulcast:"),
    ):
        with pytest.raises(MalformedSdp):
            parse_offer(text.replace(before, after))


@pytest.mark.parametrize("gone", ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:", "o=", "s=", "t="])
def test_what_is_missing_is_named(gone: str) -> None:
    text = vector("chromium_plain_4_seats")
    rows = [row for row in text.split("\r\n") if not row.startswith(gone)]
    with pytest.raises(MalformedSdp, match=gone[:4]):
        parse_offer("\r\n".join(rows))


def test_one_header_extension_id_cannot_mean_two_things() -> None:
    text = vector("chromium_plain_4_seats")
    head, _, tail = text.rpartition("a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid")
    with pytest.raises(MalformedSdp, match="another meaning"):
        parse_offer(head + "a=extmap:4 urn:something:else" + tail)


def test_what_is_too_much_is_refused() -> None:
    text = vector("chromium_sendrecv_datachannel")
    line = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    with pytest.raises(MalformedSdp, match="m-lines"):
        parse_offer(text + "".join(f"{line}a=mid:x{number}\r\n" for number in range(MAX_MEDIA_LINES + 1)))
    candidate = "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"
    with pytest.raises(MalformedSdp, match="candidates"):
        parse_offer(text + candidate * (MAX_CANDIDATES + 1))
    with pytest.raises(BadRequest, match="longer than"):
        parse_offer(text + "a=x\r\n" * (MAX_SDP_BYTES // 4))


@pytest.mark.parametrize("text", ["", "\n", "v=0", "hello", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"])
def test_what_is_no_offer_is_refused(text: str) -> None:
    with pytest.raises(MalformedSdp):
        parse_offer(text)


def read(text: str) -> object:
    """What is read of an offer: its lines, or what is wrong with it."""
    try:
        offer = parse_offer(text)
    except BadRequest as error:
        return str(error)
    lines = [(line, [getattr(line.shape, name) for name in line.shape.__slots__]) for line in offer.media]
    return [(replace(line, shape=NOBODY_S), told) for line, told in lines], offer.bundle, offer.ice, offer.fingerprints


def test_the_shape_of_an_m_line_is_read_once_for_all_who_say_the_same() -> None:
    text = vector("chromium_plain_4_seats")
    first = parse_offer(text)
    second = parse_offer(text.replace("WYSR", "ABCD").replace("m=audio 41387", "m=audio 5000").replace("192.0", "10.0"))
    assert first.ice != second.ice
    assert [line.shape for line in first.media] == [line.shape for line in second.media]
    assert len({line.shape for line in first.media[2:]}) == 2  # those of the seats: audio and video
    assert parse_offer(text.replace("m=audio 41387", "m=audio 0")).media[0].shape.stopped


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_an_offer_is_read_the_same_whatever_was_read_before(path: Path) -> None:
    text, rng = path.read_bytes().decode(), random.Random(path.stem)  # noqa: S311  nothing secret
    for _ in range(40):
        mangled = mangled_text(text, rng)
        shapes._read.cache_clear()
        fresh = read(mangled)
        read(text)
        assert read(mangled) == fresh
