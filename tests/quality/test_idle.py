"""The share of the machine that nobody wanted is a share."""

from tests.quality.idle import Idle


def test_it_is_between_nothing_and_everything() -> None:
    idle = Idle()
    sum(range(2_000_000))
    assert 0.0 <= idle.share <= 1.0
    assert "idle" in str(idle)


def test_it_does_not_change_any_more_once_it_has_ended() -> None:
    idle = Idle().ended()
    before = idle.share
    sum(range(2_000_000))
    assert idle.share == before
