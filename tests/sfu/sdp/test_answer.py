"""Answers hold what browsers need of them (and nothing they did not offer)."""

from pathlib import Path

import pytest
import sdp_transform
from aiortc.sdp import SessionDescription

from sfu.errors import BadRequest, MalformedSdp
from sfu.media import SenderConfig, TrackConfig
from sfu.sdp.agreement import DEPENDENCY_URI, SeatMids
from sfu.sdp.answer import write_answer
from tests.support.sdp import LOCAL, VECTORS, agreed, answered, sections, ssrcs, vector

FOUR_SEATS = [path for path in VECTORS if "4_seats" in path.stem]


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_other_readers_can_read_every_answer(path: Path) -> None:
    text = path.read_bytes().decode()
    answer = answered(text)
    SessionDescription.parse(answer)
    theirs = sdp_transform.parse(answer)
    assert [line["mid"] for line in theirs["media"]] == [line["mid"] for line in sdp_transform.parse(text)["media"]]
    assert all(answer_line.endswith("\r\n") for answer_line in answer.splitlines(keepends=True))


@pytest.mark.parametrize("path", FOUR_SEATS, ids=lambda path: path.stem)
def test_every_served_line_says_what_a_browser_needs(path: Path) -> None:
    session, *media = sections(answered(path.read_bytes().decode()))
    assert "a=ice-lite" in session
    assert "a=group:BUNDLE 0 1 2 3 4 5 6 7 8 9" in session
    for line in media:
        for wanted in ("a=rtcp-mux", "a=setup:passive", "a=end-of-candidates", f"a=ice-ufrag:{'u' * 12}"):
            assert wanted in line, wanted
        assert sum(row.startswith("a=candidate:") for row in line) == len(LOCAL.candidates)
        assert any(row.startswith("a=fingerprint:sha-256 ") for row in line)


@pytest.mark.parametrize("path", FOUR_SEATS, ids=lambda path: path.stem)
def test_seats_are_pairs_in_order_of_appearance(path: Path) -> None:
    assert agreed(path.read_bytes().decode()).seats == {
        0: SeatMids("2", "3"),
        1: SeatMids("4", "5"),
        2: SeatMids("6", "7"),
        3: SeatMids("8", "9"),
    }


@pytest.mark.parametrize("path", FOUR_SEATS, ids=lambda path: path.stem)
def test_a_seat_has_one_stream_with_ssrcs_cname_and_rtx(path: Path) -> None:
    _, _, _, audio, video, *_ = sections(answered(path.read_bytes().decode()))
    assert "a=sendonly" in audio
    assert "a=msid:seat0 seat0-audio" in audio
    assert "a=msid:seat0 seat0-video" in video
    (group,) = [row for row in video if row.startswith("a=ssrc-group:FID ")]
    first, rtx = group.split()[1:]
    for ssrc in (first, rtx):
        assert f"a=ssrc:{ssrc} cname:seat0" in video
    assert any("sdes:mid" in row for row in video)
    assert any(row.endswith(" nack pli") for row in video)


@pytest.mark.parametrize("name", ["chromium_simulcast_4_seats", "firefox_simulcast_4_seats"])
def test_simulcast_is_answered_with_rids_their_extensions_and_transport_feedback(name: str) -> None:
    video = sections(answered(vector(name)))[2]
    assert "a=recvonly" in video
    assert [row for row in video if row.startswith("a=rid:")] == ["a=rid:q recv", "a=rid:h recv", "a=rid:f recv"]
    assert "a=simulcast:recv q;h;f" in video
    for uri in ("rtp-stream-id", "repaired-rtp-stream-id", "sdes:mid", "transport-wide-cc-extensions-01"):
        assert any(row.startswith("a=extmap:") and row.endswith(uri) for row in video), uri
    assert any(row.startswith("a=rtcp-fb:") and row.endswith(" transport-cc") for row in video)


def test_who_asks_for_the_time_is_answered_that_it_is_told_and_nobody_else() -> None:
    plain = vector("chromium_plain_4_seats")
    asking = plain.replace("a=rtcp-fb:96 nack\r\n", "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 rrtr\r\n")
    assert asking != plain
    told = [[row for row in answered(offer).splitlines() if row.endswith(" rrtr")] for offer in (plain, asking)]
    assert not told[0]
    assert set(told[1]) == {"a=rtcp-fb:96 rrtr"}


def test_a_direction_of_an_extension_is_turned_round() -> None:
    video = sections(answered(vector("firefox_simulcast_4_seats")))[2]
    assert "a=extmap:9/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id" in video


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_header_extensions_of_both_forms_are_mixed_where_the_client_says_so(path: Path) -> None:
    """Chromium says so of the session, Firefox of each m-line (RFC 8285 §6), aiortc of neither."""
    text, mixed = path.read_bytes().decode(), "a=extmap-allow-mixed"
    for offered, told in zip(sections(text), sections(answered(text)), strict=True):
        if not offered[0].startswith("m=application"):
            assert (mixed in told) == (mixed in offered)


def test_only_known_codecs_are_answered_with_their_retransmission_in_the_client_s_order() -> None:
    _, audio, video, *_ = sections(answered(vector("chromium_plain_4_seats")))
    assert audio[0].split()[3:] == ["111", "63"]
    names = [row.split(" ")[1].split("/")[0] for row in video if row.startswith("a=rtpmap:")]
    assert set(names) == {"VP8", "VP9", "H264", "AV1", "rtx"}
    assert names[:2] == ["VP8", "rtx"]


def preferring(offer: str, *codecs: str) -> str:
    """The offer of a client that would rather send and receive these."""
    rows = []
    for row in offer.splitlines(keepends=True):
        words = row.split(" ")
        if row.startswith("m="):
            types = row.split()[3:]
            wanted = [each for name in codecs for each in types if f"a=rtpmap:{each} {name}/" in offer]
            rows.append(" ".join([*words[:3], *dict.fromkeys((*wanted, *types))]) + "\r\n")
        else:
            rows.append(row)
    return "".join(rows)


def test_of_what_a_client_sends_the_codecs_that_everybody_decodes_come_first_and_seats_are_as_it_likes_them() -> None:
    offer = preferring(vector("chromium_plain_4_seats"), "AV1", "VP9", "red")
    agreement = agreed(offer)
    media = agreement.as_media(rtcp_ssrc=1)
    (sound, picture), (seat_sound, seat_picture, *_) = media.tracks, media.senders
    lines: tuple[TrackConfig | SenderConfig, ...] = (sound, picture, seat_sound, seat_picture)
    assert [list(dict.fromkeys(codec.name for codec in line.codecs)) for line in lines] == [
        ["opus", "red"],
        ["VP8", "H264", "AV1", "VP9"],
        ["red", "opus"],
        ["AV1", "VP9", "VP8", "H264"],
    ]
    for line, rows in zip(lines, sections(answered(offer))[1:5], strict=True):
        told = [int(each) for each in rows[0].split()[3:] if not _is_rtx(each, rows)]
        assert [codec.payload_type for codec in line.codecs] == told


def test_a_codec_that_is_offered_alone_is_taken() -> None:
    offer = "".join(
        row
        for row in vector("chromium_plain_4_seats").splitlines(keepends=True)
        if not any(f" {name}/90000" in row for name in ("VP8", "VP9", "H264"))
    )
    assert [codec.media.name for codec in agreed(offer).tracks[1].codecs] == ["AV1"]


def _is_rtx(payload_type: str, rows: list[str]) -> bool:
    return any(row.startswith(f"a=rtpmap:{payload_type} rtx/") for row in rows)


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_the_client_s_first_codec_stays_first_so_that_it_sends_what_it_would(path: Path) -> None:
    """The first codec of an answer is the one that browsers send."""
    text = path.read_bytes().decode()
    for offered, line in zip(sections(text)[1:], sections(answered(text))[1:], strict=True):
        if not line[0].startswith("m=application"):
            assert line[0].split()[3] == offered[0].split()[3]
            first = next(row for row in line if row.startswith("a=rtpmap:"))
            assert first.split(" ")[1].split("/")[0] == ("VP8" if line[0].startswith("m=video") else "opus")


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_what_a_client_says_of_a_codec_is_said_back(path: Path) -> None:
    text = path.read_bytes().decode()
    for offered, line in zip(sections(text)[1:], sections(answered(text))[1:], strict=True):
        taken = {row.split(" ")[0].split(":")[1] for row in line if row.startswith("a=rtpmap:")}
        rows = {row for row in offered if row.startswith("a=fmtp:") and row.split(" ")[0].split(":")[1] in taken}
        assert {row for row in line if row.startswith("a=fmtp:")} == rows


def test_profiles_and_packetization_modes_are_told_apart() -> None:
    track = agreed(vector("chromium_plain_4_seats")).tracks[1]
    keys = [codec.media.key for codec in track.codecs]
    assert keys == [
        "VP8",
        "H264/packetization-mode=1/profile=4200",
        "H264/packetization-mode=0/profile=4200",
        "H264/packetization-mode=1/profile=42e0",
        "H264/packetization-mode=0/profile=42e0",
        "H264/packetization-mode=1/profile=4d00",
        "H264/packetization-mode=0/profile=4d00",
        "AV1/profile=0",
        "VP9/profile-id=0",
        "VP9/profile-id=2",
    ]


def test_a_data_channel_is_rejected_and_the_rest_is_served() -> None:
    for name in ("chromium_sendrecv_datachannel", "firefox_sendrecv_datachannel"):
        session, audio, video, application = sections(answered(vector(name)))
        assert "a=group:BUNDLE 0 1" in session
        assert application[0] == "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
        assert "a=recvonly" in audio
        assert "a=recvonly" in video


def test_a_line_offered_sendrecv_counts_as_one_it_sends() -> None:
    agreement = agreed(vector("chromium_sendrecv_datachannel"))
    assert [track.line.mid for track in agreement.tracks] == ["0", "1"]
    assert agreement.seats == {}


def test_simulcast_without_the_rid_extension_is_answered_as_a_plain_track() -> None:
    text = vector("chromium_simulcast_4_seats").replace(
        "a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "a=x"
    )
    agreement = agreed(text)
    assert agreement.tracks[1].rids == ()
    assert "simulcast" not in write_answer(agreement, LOCAL)


def test_a_reoffer_keeps_seats_and_ssrcs_and_appends_new_seats() -> None:
    text, new_ssrc = vector("chromium_plain_4_seats"), ssrcs()
    before = agreed(text, None, new_ssrc)
    audio, video = (("\r\n".join(lines) + "\r\n") for lines in sections(text)[3:5])
    more = audio.replace("a=mid:2", "a=mid:20") + video.replace("a=mid:3", "a=mid:21")
    after = agreed(text.replace("BUNDLE 0 1", "BUNDLE 0 1 20 21") + more, before, new_ssrc)
    assert dict(list(after.seats.items())[:4]) == before.seats
    assert after.seats[4] == SeatMids("20", "21")
    old = {sender.line.mid: sender.role for sender in before.senders}
    assert {sender.line.mid: sender.role for sender in after.senders if sender.line.mid in old} == old


def test_a_stopped_seat_line_does_not_move_the_others() -> None:
    text = vector("chromium_plain_4_seats")
    before = agreed(text)
    rows = sections(text)
    rows[5][0] = rows[5][0].replace("m=audio 9", "m=audio 0")  # mid 4, the audio of seat 1
    after = agreed("\r\n".join(row for lines in rows for row in lines) + "\r\n", before)
    assert after.seats[1] == SeatMids(None, "5")
    assert after.seats[2] == before.seats[2]
    assert sections(write_answer(after, LOCAL))[5][0].startswith("m=audio 0 ")


def test_a_track_that_stops_is_answered_inactive_and_does_not_become_a_seat() -> None:
    text = vector("chromium_sendrecv_datachannel")
    before = agreed(text)
    for direction in ("recvonly", "inactive"):
        after = agreed(text.replace("a=sendrecv", f"a={direction}", 1), before)
        assert [track.line.mid for track in after.tracks] == ["1"]
        assert after.seats == {}
        assert "a=inactive" in sections(write_answer(after, LOCAL))[1]


def test_a_line_outside_the_bundle_is_rejected() -> None:
    text = vector("chromium_sendrecv_datachannel").replace("a=group:BUNDLE 0 1 2", "a=group:BUNDLE 0")
    assert [line[0].split()[1] for line in sections(answered(text))[1:]] != ["0", "0", "0"]
    assert sections(answered(text))[2][0].startswith("m=video 0 ")


def test_an_offer_without_rtcp_mux_is_refused_by_line() -> None:
    with pytest.raises(MalformedSdp, match="rtcp-mux"):
        agreed(vector("chromium_plain_4_seats").replace("a=rtcp-mux\r\n", ""))


def test_an_offer_without_any_codec_we_know_is_refused() -> None:
    text = vector("chromium_sendrecv_datachannel")
    for name in ("opus", "red", "VP8", "VP9", "H264", "AV1"):
        text = text.replace(f" {name}/", " unheard/")
    with pytest.raises(BadRequest, match="no m-line with a codec"):
        agreed(text)


def test_the_core_is_told_ssrcs_layers_and_extension_ids() -> None:
    media = agreed(vector("aiortc_4_seats")).as_media(rtcp_ssrc=1)
    audio, video = media.tracks
    assert audio.layers[0].ssrc
    assert video.layers[0].rtx_ssrc
    assert (media.extensions.mid, media.extensions.audio_level, media.transport_cc) == (1, 2, False)
    simulcast = agreed(vector("chromium_simulcast_4_seats")).as_media(rtcp_ssrc=1)
    assert [layer.rid for layer in simulcast.tracks[1].layers] == ["q", "h", "f"]
    assert simulcast.transport_cc
    assert (simulcast.extensions.rid, simulcast.extensions.repaired_rid) == (10, 11)


def test_who_knows_no_transport_feedback_says_and_is_told_when_packets_leave() -> None:
    """aiortc estimates by that what its path carries, and offers it for pictures alone."""
    told = [any("abs-send-time" in row for row in line) for line in sections(answered(vector("aiortc_4_seats")))[1:]]
    assert told == [False, True] * 5
    media = agreed(vector("aiortc_4_seats")).as_media(rtcp_ssrc=1)
    assert (media.extensions.abs_send_time, media.extensions.transport_cc) == (3, 0)
    assert [(seat.abs_send_time, seat.transport_cc) for seat in media.senders] == [(False, False), (True, False)] * 4


@pytest.mark.parametrize("path", [path for path in VECTORS if "aiortc" not in path.stem], ids=lambda path: path.stem)
def test_who_counts_packets_is_not_told_when_they_leave(path: Path) -> None:
    text = path.read_bytes().decode()
    assert "abs-send-time" in text
    assert "abs-send-time" not in answered(text)
    assert not any(seat.abs_send_time for seat in agreed(text).as_media(rtcp_ssrc=1).senders)
    without = text.replace("draft-holmer-rmcat-transport-wide-cc-extensions-01", "unheard")
    assert "abs-send-time" in answered(without)


def test_a_dependency_descriptor_is_taken_from_who_offers_av1_alone() -> None:
    """With it libwebrtc would leave out of VP8 what switching has to rewrite."""
    offered = vector("chromium_simulcast_4_seats")
    assert [DEPENDENCY_URI in "".join(line) for line in sections(answered(offered))[1:]] == [
        False,
        False,
        *[False, True] * 4,
    ]
    for name in ("VP8", "VP9", "H264"):
        offered = offered.replace(f" {name}/", " unseen/")
    assert DEPENDENCY_URI in "".join(sections(answered(offered))[2])
    assert agreed(offered).as_media(rtcp_ssrc=1).extensions.dependency == 12


@pytest.mark.parametrize(
    ("said", "instead", "described"),
    [
        ("", "", True),
        ("a=extmap-allow-mixed", "a=unheard-of", False),
        (" AV1/", " AV2/", False),
        (DEPENDENCY_URI, "unheard-of", False),
    ],
)
def test_a_seat_is_sent_dependency_descriptors_if_it_takes_av1_and_both_forms_of_extensions(
    said: str, instead: str, *, described: bool
) -> None:
    """That of a keyframe does not fit the form of one octet (RFC 8285 §4.2)."""
    offered = vector("chromium_simulcast_4_seats")
    assert said in offered
    offered = offered.replace(said, instead)
    seats = agreed(offered).as_media(rtcp_ssrc=1).senders
    assert [seat.dependency for seat in seats] == [False, described] * 4
    assert [DEPENDENCY_URI in "".join(line) for line in sections(answered(offered))[3:]] == [False, described] * 4
