"""Named links: each is what its name says, and says where it comes from."""

from __future__ import annotations

import pytest

from tests.support.network.impairment import Path
from tests.support.network.profiles import LOSS_3, LOSS_10, NAMED, PROFILES, Profile
from tests.support.seeded import seeded

RATED = [profile for profile in PROFILES.values() if profile.down.rate]


def test_all_that_are_asked_for_are_there() -> None:
    asked = {"good-wifi", "bad-wifi", "4g-moving", "3g", "satellite", "congested-uplink", "loss3", "loss10"}
    assert asked <= PROFILES.keys()


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_each_says_where_its_figures_come_from(profile: Profile) -> None:
    assert profile.source.endswith(".")


@pytest.mark.parametrize(("profile", "loss", "rtt_ms"), [(LOSS_3, 0.03, 50), (LOSS_10, 0.10, 100)])
def test_the_bars_links_lose_and_delay_as_the_bars_say(profile: Profile, loss: float, rtt_ms: float) -> None:
    assert profile.up == profile.down
    assert (profile.up.loss, profile.up.delay_ms + profile.down.delay_ms) == (loss, rtt_ms)


@pytest.mark.parametrize("profile", RATED, ids=[profile.name for profile in RATED])
def test_each_carries_a_small_call_most_of_the_time(profile: Profile) -> None:
    path = Path(profile.down, seeded(1))
    for number in range(4_000):
        path.send(625, number * 0.0125)
    assert path.passed.delivered / path.passed.sent > 0.9


def test_a_moving_phone_has_less_at_times_and_gets_it_back() -> None:
    moving = NAMED["4g-moving"].down
    rates = [moving.rate_at(second) for second in range(20)]
    assert min(filter(None, rates)) < max(filter(None, rates)) / 10
    assert rates[0] == moving.rate_at(20.0)


def test_another_rate_leaves_the_rest_of_a_link_as_it_is() -> None:
    slower = LOSS_3.with_down(400)
    assert slower.down.rate_at(0) == 400
    assert (slower.up, slower.down.loss) == (LOSS_3.up, 0.03)
    assert LOSS_3.with_up(300).up.rate_at(0) == 300
