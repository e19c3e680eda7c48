"""URLs with the numbers of rooms and participants in them, and bearer tokens by participant."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.errors import ConfigError
from agents.load.addresses import Address, Bearers


def test_an_address_says_room_and_number_as_it_is_told_to() -> None:
    assert Address("--whip", "http://x/{room}/{n}").of(3, 7) == "http://x/3/7"
    assert Address("--whip", "http://x/{room:04d}").of(3, 7) == "http://x/0003"
    assert Address("--whip", "http://x/a").of(3, 7) == "http://x/a"


@pytest.mark.parametrize(
    "text", ["http://x/{user}", "http://x/{", "http://x/{0}", "http://x/{room.x}", "http://x/{n:q}"]
)
def test_an_address_with_anything_else_in_braces_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="may stand in braces"):
        Address("--whep", text)


def test_the_last_bearer_is_for_all_who_have_no_line(tmp_path: Path) -> None:
    file = tmp_path / "bearers"
    file.write_text("one\n\ntwo\n")
    bearers = Bearers.read(file)
    assert [bearers.headers(number)["Authorization"] for number in (1, 2, 3)] == [
        "Bearer one",
        "Bearer two",
        "Bearer two",
    ]
    assert Bearers().headers(1) == {}


@pytest.mark.parametrize(("content", "complaint"), [(None, "No such file"), ("\n \n", "holds no token")])
def test_a_file_without_bearers_is_named(tmp_path: Path, content: str | None, complaint: str) -> None:
    file = tmp_path / "bearers"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=complaint):
        Bearers.read(file)
