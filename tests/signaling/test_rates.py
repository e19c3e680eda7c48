"""`--rate NAME=VALUE`: what is set anew, what stays, and what each wrong one is told."""

from __future__ import annotations

import pytest

from signaling.errors import ConfigError
from signaling.rates import Rates, rates
from tests.support.system import run_console


def test_what_is_named_is_set_and_the_others_stay() -> None:
    assert rates(["rings_burst=7", "frames_per_s=2.5"]) == Rates(rings_burst=7.0, frames_per_s=2.5)


def test_without_any_they_are_the_defaults_and_of_one_said_twice_the_last_holds() -> None:
    assert rates([]) == Rates()
    assert rates(["sapi_burst=2", "sapi_burst=3"]).sapi_burst == 3.0


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("rings_burst", "'rings_burst' is not NAME=VALUE"),
        ("ring_burst=3", "there is no 'ring_burst'; there are frames_per_s, frames_burst"),
        ("rings_burst=many", "rings_burst is a number, not 'many'"),
        ("rings_per_min=0", "rings_per_min must be a number above 0, not 0"),
        ("rings_per_min=-1", "rings_per_min must be a number above 0, not -1"),
        ("rings_per_min=inf", "rings_per_min must be a number above 0, not inf"),
        ("rings_per_min=nan", "rings_per_min must be a number above 0, not nan"),
        ("rings_burst=0.5", "rings_burst must be 1 or more, or nothing ever passes; not 0.5"),
    ],
)
def test_a_wrong_one_is_named_with_what_is_wrong(given: str, told: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        rates([given])
    assert str(refusal.value).startswith(f"--rate: {told}")


async def test_a_wrong_one_ends_the_start_in_one_line() -> None:
    ended = await run_console("signaling", "--rate", "rings_burst=many", "--port", "0")
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.strip() == "error: --rate: rings_burst is a number, not 'many'"
