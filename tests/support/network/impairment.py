"""One way of a link, in virtual time: when a datagram comes out at the other end, if it does.

sender -> **queue, rate** -> loss -> delay, jitter -> receiver

A datagram first waits behind those before it (drop-tail, as long as the queue has room), takes its time on the wire,
and only then may be lost: what is lost has cost the link its time.  Nothing reads a clock or sends anything here, and
the same seed and datagrams give the same losses and delays.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

DUPLICATE_AFTER_S = 0.001
"""The second of two copies comes so much later."""
SILENCE_S = 0.2
"""A burst of losses is over if nothing came for so long: what loses datagrams does not wait for them."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A rate that a link has for some time."""

    kbps: float
    """UDP payload: headers of IP and UDP are not counted."""
    lasts_s: float = math.inf

    def __post_init__(self) -> None:
        if not (self.kbps > 0 and self.lasts_s > 0):
            raise ValueError(f"a link of {self.kbps:g} kbit/s for {self.lasts_s:g} s carries nothing")


def steady(kbps: float) -> tuple[Stretch, ...]:
    """A rate that stays."""
    return (Stretch(kbps),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Impairment:
    """What one way of a link does; as it comes, nothing."""

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    """Each datagram is under way for up to so much longer, evenly spread; it never overtakes another by that."""
    loss: float = 0.0
    """Share of datagrams that are lost, each for itself."""
    burst_loss: float = 0.0
    """Share of datagrams that are lost in bursts (Gilbert-Elliott: all that come while the link is bad)."""
    burst_datagrams: float = 1.0
    """Mean length of such a burst."""
    reordered: float = 0.0
    """Share of datagrams that are held back while others overtake them."""
    reordered_by_ms: float = 20.0
    duplicated: float = 0.0
    """Share of datagrams that come twice."""
    rate: tuple[Stretch, ...] = ()
    """One after the other, then from the first again; none: no limit."""
    queue_ms: float = 250.0
    """Longest wait in front of the rate; what would wait longer is dropped."""

    def __post_init__(self) -> None:
        for name in ("loss", "burst_loss", "reordered", "duplicated"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share from 0 to 1, not {getattr(self, name)}")
        for name in ("delay_ms", "jitter_ms", "reordered_by_ms", "queue_ms"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} is a time from 0 on, not {getattr(self, name)}")
        if self.burst_datagrams < 1 or self.burst_loss == 1:
            raise ValueError("a burst is of at least one datagram, and ends")

    def rate_at(self, since_s: float) -> float | None:
        """kbit/s, so long after it began; None: no limit."""
        if not self.rate:
            return None
        into = math.fmod(since_s, sum(stretch.lasts_s for stretch in self.rate)) if len(self.rate) > 1 else 0.0
        for stretch in self.rate:
            if into < stretch.lasts_s:
                return stretch.kbps
            into -= stretch.lasts_s
        return self.rate[-1].kbps


@dataclass(slots=True)
class Passed:
    """What has become of the datagrams of a path."""

    sent: int = 0
    octets: int = 0
    """Of those that found room in the queue: what the link has carried."""
    lost: int = 0
    dropped: int = 0
    """Of these sent, found no room in the queue."""
    reordered: int = 0
    duplicated: int = 0
    waited_s: float = 0.0
    """In the queue, all together; time on the wire not counted."""

    @property
    def delivered(self) -> int:
        """Came out, copies not counted."""
        return self.sent - self.lost - self.dropped

    def copy(self) -> Passed:
        """As it is now."""
        return Passed(**{name: getattr(self, name) for name in self.__dataclass_fields__})

    def since(self, before: Passed) -> Passed:
        """What came on top of an earlier state."""
        return Passed(**{name: getattr(self, name) - getattr(before, name) for name in self.__dataclass_fields__})

    @property
    def mean_wait_ms(self) -> float:
        """How long a datagram that found room waited in the queue."""
        queued = self.sent - self.dropped
        return 1_000 * self.waited_s / queued if queued else 0.0


class Path:
    """One way of one link.  Its owner says when it is."""

    def __init__(self, impairment: Impairment, random: Random, now: float = 0.0) -> None:
        self._random = random
        self._is_bad = False
        self._came = now
        """When the last datagram was given to it."""
        self._free_at = now
        """When the wire is through with what it has been given."""
        self._last = -math.inf
        """When the last datagram that keeps its place comes out."""
        self.passed = Passed()
        self.become(impairment, now)

    @property
    def impairment(self) -> Impairment:
        """What it does now."""
        return self._impairment

    def become(self, impairment: Impairment, now: float) -> None:
        """Another link from now on; what is under way comes as it would have come, and who waits keeps waiting."""
        self._impairment = impairment
        self._began = now
        if not impairment.rate:
            self._free_at = now

    def send(self, octets: int, now: float) -> tuple[float, ...]:
        """When a datagram of this size comes out: once, twice, or (empty) never.  `now` never goes back."""
        self.passed.sent += 1
        self._is_bad = self._is_bad and now - self._came < SILENCE_S
        self._came = now
        left = self._through_the_queue(octets, now)
        if left is None:
            self.passed.dropped += 1
            return ()
        self.passed.octets += octets
        if self._is_lost():
            self.passed.lost += 1
            return ()
        return tuple(self._arrivals(left))

    def _through_the_queue(self, octets: int, now: float) -> float | None:
        """When the wire is through with it; None if the queue has no room."""
        kbps = self._impairment.rate_at(now - self._began)
        if kbps is None:
            return now
        begins = max(now, self._free_at)
        if begins - now > self._impairment.queue_ms / 1_000:
            return None
        self._free_at = begins + octets * 8 / (kbps * 1_000)
        self.passed.waited_s += begins - now
        return self._free_at

    def _is_lost(self) -> bool:
        """By chance alone, or in a burst; both are always drawn, so that one's share does not move the other's."""
        alone = self._random.random() < self._impairment.loss
        return self._turns_bad() or alone

    def _turns_bad(self) -> bool:
        """The next state of the Gilbert-Elliott chain, whose bad state loses everything."""
        drawn, share = self._random.random(), self._impairment.burst_loss
        if share == 0:
            self._is_bad = False
            return False
        recovers = 1 / self._impairment.burst_datagrams
        worsens = recovers * share / (1 - share)
        self._is_bad = drawn >= recovers if self._is_bad else drawn < worsens
        return self._is_bad

    def _arrivals(self, left: float) -> Iterator[float]:
        impairment = self._impairment
        jitter_s, late, twice = (self._random.random() for _ in range(3))
        at = left + (impairment.delay_ms + jitter_s * impairment.jitter_ms) / 1_000
        if late < impairment.reordered:
            self.passed.reordered += 1
            at += impairment.reordered_by_ms / 1_000
        else:
            at = self._last = max(at, self._last)
        yield at
        if twice < impairment.duplicated:
            self.passed.duplicated += 1
            yield at + DUPLICATE_AFTER_S
