"""Links by name: those that people sit behind, and those that the bars of `make quality` are about.

impairment, profiles.ini -> **profiles** -> relay, crossing

A profile is one client's access: up is what it sends, down what it receives.  RTT is the sum of both delays.
"""

from __future__ import annotations

from collections.abc import Mapping
from configparser import ConfigParser
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from tests.support.network.impairment import Impairment, Stretch, steady


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Both ways of a client's link."""

    name: str
    up: Impairment
    down: Impairment
    source: str
    """Where the figures come from."""

    def with_down(self, kbps: float) -> Profile:
        """The same with another steady rate towards the client."""
        return replace(self, down=replace(self.down, rate=steady(kbps)))

    def with_up(self, kbps: float) -> Profile:
        """The same with another steady rate from the client."""
        return replace(self, up=replace(self.up, rate=steady(kbps)))


def both_ways(name: str, impairment: Impairment, source: str) -> Profile:
    """Up as down."""
    return Profile(name=name, up=impairment, down=impairment, source=source)


def losing(name: str, *, loss: float, rtt_ms: float) -> Profile:
    """Random loss each way, and no other limit."""
    return both_ways(name, Impairment(loss=loss, delay_ms=rtt_ms / 2), "The bar of the same name.")


CLEAN: Final = both_ways("clean", Impairment(), "Nothing: what a relay alone does.")

LOSS_3: Final = losing("loss3", loss=0.03, rtt_ms=50)
LOSS_10: Final = losing("loss10", loss=0.10, rtt_ms=100)
LOSS_2: Final = losing("loss2", loss=0.02, rtt_ms=50)


def _rate(figure: str) -> tuple[Stretch, ...]:
    """A rate that stays, or rates with how long each lasts: `4000 for 8 s then 600 for 3 s`."""
    if " for " not in figure:
        return steady(float(figure))
    stretches = (stretch.removesuffix(" s").split(" for ") for stretch in figure.split(" then "))
    return tuple(Stretch(float(kbps), float(lasts_s)) for kbps, lasts_s in stretches)


def _impairment(figures: str) -> Impairment:
    """`field figure`, separated by commas."""
    fields = dict(field.split(" ", 1) for field in figures.split(", "))
    rate = _rate(fields.pop("kbps"))
    return Impairment(rate=rate, **{name: float(figure) for name, figure in fields.items()})


def _named() -> Mapping[str, Profile]:
    """What `profiles.ini` has, which the tests of the core read as well."""
    file = ConfigParser(interpolation=None)
    file.read_string((Path(__file__).parent / "profiles.ini").read_text())
    return {
        name: Profile(
            name=name,
            up=_impairment(section["up"]),
            down=_impairment(section["down"]),
            source=" ".join(section["source"].split()),
        )
        for name, section in file.items()
        if name != file.default_section
    }


NAMED: Final[Mapping[str, Profile]] = MappingProxyType(_named())
"""Those that people sit behind."""

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {**NAMED, **{profile.name: profile for profile in (CLEAN, LOSS_2, LOSS_3, LOSS_10)}}
)
