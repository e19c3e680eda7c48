"""How large and how urgent a picture is: what the client said counts, else what the rules say."""

import pytest

from sfu.room.seats import Occupant, Wish
from sfu.room.views import ANYHOW, Look, lines, priority

CAMERA = Occupant("peer-a", "a", "camera")
SCREEN = Occupant("peer-a", "a", "screen")


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (None, None, None),
        (None, 360, 360),
        (640, None, 360),
        (641, None, 361),
        (1, None, 1),
        (640, 480, 360),
        (640, 180, 180),
        (270, 480, 152),
        (0, None, 0),
        (0, 360, 0),
        (640, 0, 0),
    ],
)
def test_a_box_has_use_for_so_many_lines(width: int | None, height: int | None, expected: int | None) -> None:
    assert lines(width, height) == expected


@pytest.mark.parametrize(
    ("occupant", "wish", "dominant", "expected"),
    [
        (SCREEN, None, None, 200),
        (SCREEN, Wish("a", "screen"), "peer-a", 200),
        (CAMERA, None, "peer-a", 150),
        (CAMERA, Wish("a"), "peer-a", 150),
        (CAMERA, Wish("a"), "peer-b", 120),
        (CAMERA, Wish("b"), "peer-b", 100),
        (CAMERA, Wish(None, "camera"), None, 100),
        (CAMERA, None, None, 100),
    ],
)
def test_the_rules_put_screens_first_then_the_dominant_speaker_then_who_was_asked_for(
    occupant: Occupant, wish: Wish | None, dominant: str | None, expected: int
) -> None:
    assert priority(ANYHOW, occupant, wish, dominant) == expected


@pytest.mark.parametrize("said", [0, 255])
@pytest.mark.parametrize("wish", [None, Wish("a", "screen"), Wish(None, "screen")])
def test_what_the_client_says_counts(said: int, wish: Wish | None) -> None:
    assert priority(Look(priority=said), SCREEN, wish, None) == said


@pytest.mark.parametrize(("wish", "dominant", "expected"), [(Wish("b"), None, 100), (Wish("b"), "peer-a", 150)])
def test_what_the_client_says_of_somebody_does_not_count_for_who_sits_in_his_place(
    wish: Wish, dominant: str | None, expected: int
) -> None:
    assert priority(Look(priority=255), CAMERA, wish, dominant) == expected
