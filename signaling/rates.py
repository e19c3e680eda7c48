"""How fast a device, a user and an address may ask: a frozen value of the settings, made of `--rate NAME=VALUE`.

console → **rates** → config → gateway, limits, sapi
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields

from .errors import ConfigError

OPTION = "--rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What one process lets through: so many in the long run, and `_burst` at once."""

    frames_per_s: float = 50.0
    """Frames a second that a device may send on average."""
    frames_burst: float = 100.0
    """Frames that a device may send at once."""
    user_frames_per_s: float = 200.0
    """Frames a second that all devices of a user may send on average, over one process."""
    user_frames_burst: float = 400.0
    """Frames that all devices of a user may send at once."""
    rings_per_min: float = 60.0
    """Invitations a minute by which a user may ring others; rings end by themselves: it bounds those going on too."""
    rings_burst: float = 20.0
    """Invitations by which a user may ring others at once."""
    rings_of_one_per_min: float = 10.0
    """Invitations a minute by which a user may ring the same other user, from however many rooms."""
    rings_of_one_burst: float = 5.0
    """Invitations by which a user may ring the same other user at once."""
    connects_per_s: float = 50.0
    """Connections a second that an address may open: many people may share one."""
    connects_burst: float = 500.0
    """Connections that an address may open at once."""
    refusals_per_min: float = 60.0
    """Wrong tokens a minute that an address may present before it has to wait."""
    refusals_burst: float = 30.0
    """Wrong tokens that an address may present at once."""
    sapi_per_s: float = 50.0
    """Requests of SAPI a second that one address may make on average."""
    sapi_burst: float = 200.0
    """Requests of SAPI that one address may make at once."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            if not 0 < value < math.inf:
                raise ConfigError(OPTION, f"{each.name} must be a number above 0, not {value:g}")
            if each.name.endswith("_burst") and value < 1:
                raise ConfigError(OPTION, f"{each.name} must be 1 or more, or nothing ever passes; not {value:g}")


def rates(given: Iterable[str]) -> Rates:
    """The rates with some of them set anew, each as `NAME=VALUE`; of one said twice, the last holds."""
    return Rates(**dict(map(_one, given)))


def _one(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    names = [each.name for each in fields(Rates)]
    if not equals:
        raise ConfigError(OPTION, f"{text!r} is not NAME=VALUE")
    if name not in names:
        raise ConfigError(OPTION, f"there is no {name!r}; there are {', '.join(names)}")
    try:
        return name, float(value)
    except ValueError:
        raise ConfigError(OPTION, f"{name} is a number, not {value!r}") from None
