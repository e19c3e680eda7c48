"""What a client says of its seats is read, and what cannot be meant is named."""

import pytest

from sfu.control.requests import View, read
from sfu.errors import BadRequest
from sfu.room.seats import Wish
from sfu.room.views import Look


def view(**seats: object) -> View:
    """A `view` of seats that are named s0, s1, ... here."""
    return read({"seats": {name.removeprefix("s"): asked for name, asked in seats.items()}}, View, what="view")


def test_who_is_asked_for_and_how_large_are_two_things() -> None:
    asked = view(s0={"participant": "alice"}, s1={"width": 320}, s2={"source": "screen", "height": 720}, s3=None)
    assert asked.wishes() == {0: Wish("alice"), 2: Wish(None, "screen")}
    assert asked.looks() == {0: Look(), 1: Look(180), 2: Look(720)}


def test_a_hidden_seat_has_no_use_for_a_picture() -> None:
    asked = view(s0={"height": 0}, s1={"width": 0, "height": 90, "priority": 255})
    assert asked.looks() == {0: Look(0), 1: Look(0, 255)}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"priority": -1}, r"view: Expected `int` >= 0 - at `\$.seats\[...\].priority`"),
        ({"priority": 256}, "<= 255"),
        ({"priority": 1.5}, "Expected `int"),
        ({"priority": "high"}, "Expected `int"),
        ({"height": -1}, ">= 0"),
        ({"width": 100_000}, "<= 16384"),
    ],
)
def test_a_size_or_priority_that_cannot_be_is_named(asked: object, words: str) -> None:
    with pytest.raises(BadRequest, match=words):
        view(s0=asked)


def test_a_seat_has_a_number() -> None:
    with pytest.raises(BadRequest, match="not 'first'"):
        view(first={"height": 90}).looks()
