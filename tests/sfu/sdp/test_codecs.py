"""A codec's key says what can be forwarded without re-encoding; what we cannot forward has none."""

import pytest

from sfu.sdp.codecs import MAX_CODECS, agreed_codecs, h264_profile
from sfu.sdp.values import Payload, Shape

OPUS = Payload(111, "opus", 48_000, 2, "minptime=10;useinbandfec=1", frozenset({"transport-cc"}))
VP8 = Payload(96, "VP8", 90_000, 1, "", frozenset())


def shape(kind: str, *payloads: Payload) -> Shape:
    """An m-line with these payload types."""
    return Shape(
        kind=kind,
        protocol="UDP/TLS/RTP/SAVPF",
        formats=tuple(str(payload.payload_type) for payload in payloads),
        direction="sendrecv",
        stopped=False,
        rtcp_mux=True,
        rtcp_rsize=True,
        extmap_allow_mixed=False,
        payloads=payloads,
        extensions=(),
        rids=(),
    )


def keys(kind: str, *payloads: Payload) -> list[str]:
    """The keys of the payload types that are taken, in order."""
    return [codec.media.key for codec in agreed_codecs(shape(kind, *payloads))]


def video(name: str, parameters: str, clock_rate: int = 90_000) -> Payload:
    """A payload type of an m-line for video."""
    return Payload(98, name, clock_rate, 1, parameters, frozenset())


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ("", "VP9/profile-id=0"),
        ("profile-id=0", "VP9/profile-id=0"),
        ("max-fs=12288;max-fr=60", "VP9/profile-id=0"),
        ("max-fs=12288; profile-id=2", "VP9/profile-id=2"),
        ("profile-id=1", None),
        ("profile-id=3", None),
        ("profile-id=02", None),
        ("profile-id=", None),
    ],
)
def test_vp9_is_told_apart_by_its_profile(parameters: str, key: str | None) -> None:
    assert keys("video", video("VP9", parameters)) == ([key] if key else [])


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ("", "AV1/profile=0"),
        ("level-idx=5;profile=0;tier=0", "AV1/profile=0"),
        ("level-idx=19;profile=0;tier=1", "AV1/profile=0"),
        ("profile=1", "AV1/profile=1"),
        ("profile=2;level-idx=5", "AV1/profile=2"),
        ("profile=3", None),
        ("profile=zero", None),
    ],
)
def test_av1_is_told_apart_by_its_profile_and_not_by_its_level(parameters: str, key: str | None) -> None:
    assert keys("video", video("AV1", parameters)) == ([key] if key else [])


def test_video_is_taken_at_its_one_clock_rate() -> None:
    assert keys("video", *(video(name, "", clock_rate=48_000) for name in ("VP8", "VP9", "H264", "AV1"))) == []


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ("111/111", "red/opus=111"),
        ("111", "red/opus=111"),
        ("111/111/111", "red/opus=111"),
        ("", None),
        ("111/", None),
        ("63/63", None),
        ("111/9", None),
        ("0111/0111", None),
    ],
)
def test_redundant_audio_is_taken_where_it_holds_nothing_but_opus(parameters: str, key: str | None) -> None:
    red = Payload(63, "red", 48_000, 2, parameters, frozenset())
    assert keys("audio", OPUS, red) == ["opus", *([key] if key else [])]


def test_redundant_audio_whose_insides_are_numbered_otherwise_is_another_codec() -> None:
    ours, theirs = (
        keys(
            "audio",
            Payload(number, "opus", 48_000, 2, "", frozenset()),
            Payload(63, "red", 48_000, 2, text, frozenset()),
        )
        for number, text in ((111, "111/111"), (96, "96/96"))
    )
    assert (ours, theirs) == (["opus", "red/opus=111"], ["opus", "red/opus=96"])


def test_redundancy_of_another_kind_is_not_taken() -> None:
    mono = Payload(111, "opus", 48_000, 1, "", frozenset())
    red = Payload(63, "red", 48_000, 2, "111/111", frozenset())
    assert keys("audio", mono, red) == []
    assert keys("audio", OPUS, Payload(63, "red", 8_000, 1, "111/111", frozenset())) == ["opus"]
    assert keys("video", VP8, Payload(118, "red", 90_000, 1, "96/96", frozenset())) == ["VP8"]


def test_no_more_codecs_are_taken_than_are_kept() -> None:
    many = [Payload(number, "VP8", 90_000, 1, "", frozenset()) for number in range(MAX_CODECS + 5)]
    assert len(agreed_codecs(shape("video", *many))) == MAX_CODECS


# RFC 6184 §8.1, table 5.
PROFILES = [
    ("42e01f", "42e0"),
    ("42c01f", "42e0"),
    ("4d8028", "42e0"),
    ("58c01f", "42e0"),
    ("42001f", "4200"),
    ("42000a", "4200"),
    ("588014", "4200"),
    ("4d001f", "4d00"),
    ("4d4015", "4d00"),
    ("640028", "6400"),
    ("640c1f", "640c"),
    ("000000", None),
    ("42e01", None),
    ("zzzzzz", None),
]


@pytest.mark.parametrize(("written", "profile"), PROFILES)
def test_the_profile_is_told_without_its_level(written: str, profile: str | None) -> None:
    assert h264_profile(written) == profile
