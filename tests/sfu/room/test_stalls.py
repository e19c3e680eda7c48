"""A track stalls when nothing comes of it, though it is wanted."""

from sfu.room.stalls import Sign, Stalls

CAMERA, VOICE = ("a", "1"), ("a", "0")


def sign(packets: int, *, is_wanted: bool = True, may_rest: bool = False, peer_silent_s: float = 0.0) -> Sign:
    """Of a camera, as a rule."""
    return Sign(packets, is_wanted, may_rest, peer_silent_s)


def test_each_track_is_silent_since_something_last_came_of_it() -> None:
    stalls = Stalls()
    assert stalls.update({CAMERA: sign(10), VOICE: sign(10)}, 100.0) == {CAMERA: 0.0, VOICE: 0.0}
    assert stalls.update({CAMERA: sign(11), VOICE: sign(20)}, 102.0) == {CAMERA: 0.0, VOICE: 0.0}
    assert stalls.update({CAMERA: sign(11), VOICE: sign(30)}, 104.0) == {CAMERA: 2.0, VOICE: 0.0}
    assert stalls.update({CAMERA: sign(11), VOICE: sign(40)}, 109.0) == {CAMERA: 7.0, VOICE: 0.0}
    assert stalls.update({CAMERA: sign(12), VOICE: sign(40)}, 111.0) == {CAMERA: 0.0, VOICE: 2.0}


def test_nobody_waits_for_what_nobody_wants_and_it_is_waited_for_from_then_on() -> None:
    stalls = Stalls()
    for now in (0.0, 30.0, 60.0):
        assert stalls.update({CAMERA: sign(10, is_wanted=False)}, now) == {}
    assert stalls.update({CAMERA: sign(10)}, 62.0) == {CAMERA: 2.0}
    assert stalls.update({CAMERA: sign(10, is_wanted=False)}, 64.0) == {}
    assert stalls.update({CAMERA: sign(10)}, 66.0) == {CAMERA: 2.0}


def test_a_track_that_counts_anew_has_come() -> None:
    stalls = Stalls()
    stalls.update({CAMERA: sign(1_000)}, 0.0)
    assert stalls.update({CAMERA: sign(5)}, 9.0) == {CAMERA: 0.0}


def test_a_track_that_was_away_is_known_no_more() -> None:
    stalls = Stalls()
    stalls.update({CAMERA: sign(10)}, 0.0)
    stalls.update({}, 2.0)
    assert stalls.update({CAMERA: sign(10)}, 60.0) == {CAMERA: 0.0}


def test_a_screen_on_which_nothing_moves_is_as_silent_as_its_publisher() -> None:
    stalls = Stalls()
    screen = [sign(10, may_rest=True, peer_silent_s=silent_s) for silent_s in (0.1, 1.5, 8.0, 90.0)]
    assert stalls.update({CAMERA: screen[0]}, 0.0) == {CAMERA: 0.0}
    assert stalls.update({CAMERA: screen[1]}, 60.0) == {CAMERA: 1.5}
    assert stalls.update({CAMERA: screen[2]}, 70.0) == {CAMERA: 8.0}
    assert stalls.update({CAMERA: screen[3]}, 80.0) == {CAMERA: 80.0}
