"""H.264 profiles that are the same are called the same (RFC 6184 §8.1, table 5)."""

import pytest

from sfu.sdp.codecs import h264_profile

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
