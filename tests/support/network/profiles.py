"""Links by name: those that people sit behind, and those that the bars of `make quality` are about.

impairment -> **profiles** -> relay, crossing

A profile is one client's access: up is what it sends, down what it receives.  RTT is the sum of both delays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
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

GOOD_WIFI: Final = Profile(
    name="good-wifi",
    up=Impairment(delay_ms=5, jitter_ms=5, loss=0.0005, rate=steady(20_000), queue_ms=100),
    down=Impairment(delay_ms=5, jitter_ms=5, loss=0.0005, rate=steady(50_000), queue_ms=100),
    source="Chosen for a laptop in the next room before a cable of 50/20 Mbit/s: few milliseconds of contention, "
    "and the little loss that link-layer retransmission leaves.",
)

BAD_WIFI: Final = Profile(
    name="bad-wifi",
    up=Impairment(
        delay_ms=10, jitter_ms=40, loss=0.01, burst_loss=0.03, burst_datagrams=8, rate=steady(2_000), queue_ms=300
    ),
    down=Impairment(
        delay_ms=10, jitter_ms=40, loss=0.01, burst_loss=0.03, burst_datagrams=8, rate=steady(4_000), queue_ms=300
    ),
    source="Chosen for the far end of a flat with neighbours on the channel: tens of milliseconds of contention, and "
    "losses in bursts of a few frames as interference makes them; the rates are what a low MCS leaves to one station.",
)

MOBILE_4G_MOVING: Final = Profile(
    name="4g-moving",
    up=Impairment(
        delay_ms=25,
        jitter_ms=15,
        burst_loss=0.005,
        burst_datagrams=4,
        rate=(Stretch(4_000, 8), Stretch(1_500, 4), Stretch(600, 3), Stretch(2_500, 5)),
        queue_ms=600,
    ),
    down=Impairment(
        delay_ms=25,
        jitter_ms=15,
        burst_loss=0.005,
        burst_datagrams=4,
        rate=(Stretch(12_000, 8), Stretch(3_000, 4), Stretch(800, 3), Stretch(6_000, 5)),
        queue_ms=600,
    ),
    source="Chosen after the swing of van der Hooft et al.'s 4G traces from trams and cars (IEEE Communications "
    "Letters 20(11), 2016): a rate that falls to a tenth within seconds at the edge of a cell, before a deep buffer.",
)

MOBILE_3G: Final = Profile(
    name="3g",
    up=Impairment(delay_ms=100, jitter_ms=30, rate=steady(330), queue_ms=800),
    down=Impairment(delay_ms=100, jitter_ms=30, rate=steady(780), queue_ms=800),
    source="The 3G profile of Apple's Network Link Conditioner: 780 and 330 kbit/s, 100 ms each way; the jitter and "
    "the deep buffer are chosen.",
)

SATELLITE: Final = Profile(
    name="satellite",
    up=Impairment(delay_ms=300, jitter_ms=20, loss=0.005, rate=steady(3_000), queue_ms=400),
    down=Impairment(delay_ms=300, jitter_ms=20, loss=0.005, rate=steady(25_000), queue_ms=400),
    source="A geostationary satellite: up and down again are 2 x 35,786 km, 239 ms one way, and access and coding take "
    "the rest of 300 ms; the rates are those of a consumer's plan.",
)

CONGESTED_UPLINK: Final = Profile(
    name="congested-uplink",
    up=Impairment(delay_ms=15, jitter_ms=5, loss=0.002, rate=steady(600), queue_ms=500),
    down=Impairment(delay_ms=15, rate=steady(16_000), queue_ms=100),
    source="Chosen for ADSL of 16 and 1 Mbit/s while a backup runs: what is left of the uplink, behind a "
    "modem's buffer of half a second (bufferbloat: Gettys and Nichols, ACM Queue 9(11), 2011).",
)

LOSS_3: Final = losing("loss3", loss=0.03, rtt_ms=50)
LOSS_10: Final = losing("loss10", loss=0.10, rtt_ms=100)
LOSS_2: Final = losing("loss2", loss=0.02, rtt_ms=50)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            CLEAN,
            GOOD_WIFI,
            BAD_WIFI,
            MOBILE_4G_MOVING,
            MOBILE_3G,
            SATELLITE,
            CONGESTED_UPLINK,
            LOSS_2,
            LOSS_3,
            LOSS_10,
        )
    }
)
