"""A path in virtual time: rates, queues, losses, bursts, order and copies, the same at each run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import groupby, pairwise

import pytest

from tests.support.network.impairment import SILENCE_S, Impairment, Path, Stretch, steady
from tests.support.seeded import seeded

OCTETS = 1_200
MANY = 20_000


def path(seed: int = 1, **impairment: object) -> Path:
    return Path(Impairment(**impairment), seeded(seed))  # type: ignore[arg-type]  # each test's own


def sent(path: Path, count: int = MANY, *, every_s: float = 0.002, octets: int = OCTETS) -> list[tuple[float, ...]]:
    """What became of datagrams sent one after the other from time 0."""
    return [path.send(octets, number * every_s) for number in range(count)]


def arrived(outcomes: list[tuple[float, ...]]) -> Iterator[float]:
    return (at for outcome in outcomes for at in outcome)


def test_a_path_as_it_comes_hands_everything_on_at_once() -> None:
    assert sent(path(), 3, every_s=0.5) == [(0.0,), (0.5,), (1.0,)]


@pytest.mark.parametrize("kbps", [100.0, 400.0, 3_000.0])
def test_what_comes_out_has_the_rate_asked_for(kbps: float) -> None:
    overfilled = path(rate=steady(kbps), queue_ms=300)
    times = sorted(arrived(sent(overfilled, every_s=OCTETS * 8 / (2 * kbps * 1_000))))
    came = (len(times) - 1) * OCTETS * 8 / (times[-1] - times[0]) / 1_000
    assert came == pytest.approx(kbps, rel=0.01)


@pytest.mark.parametrize("queue_ms", [0.0, 50.0, 300.0])
def test_nobody_waits_longer_than_the_queue_and_what_would_is_dropped(queue_ms: float) -> None:
    overfilled = path(rate=steady(500.0), queue_ms=queue_ms, delay_ms=20)
    on_the_wire_s = OCTETS * 8 / 500_000
    outcomes = sent(overfilled, 2_000)
    delays = [outcome[0] - number * 0.002 for number, outcome in enumerate(outcomes) if outcome]
    assert max(delays) <= queue_ms / 1_000 + on_the_wire_s + 0.020 + 1e-9
    assert overfilled.passed.dropped == outcomes.count(())
    assert overfilled.passed.dropped / 2_000 == pytest.approx(1 - 0.002 / on_the_wire_s, abs=0.02)


def test_the_wait_in_the_queue_is_counted_without_the_time_on_the_wire() -> None:
    link = path(rate=steady(960.0))
    assert [link.send(OCTETS, 0.0) for _ in range(3)] == [(0.010,), (0.020,), pytest.approx((0.030,))]
    assert link.passed.mean_wait_ms == pytest.approx(10.0)


def test_a_link_that_is_not_full_makes_nobody_wait() -> None:
    link = path(rate=steady(960.0))
    sent(link, 100, every_s=0.02)
    assert link.passed.mean_wait_ms == 0.0
    assert link.passed.dropped == 0


@pytest.mark.parametrize("loss", [0.0, 0.02, 0.1, 1.0])
def test_so_many_are_lost_as_asked_for(loss: float) -> None:
    link = path(loss=loss)
    assert sent(link).count(()) / MANY == pytest.approx(loss, abs=0.005)
    assert link.passed.lost == MANY - link.passed.delivered


@pytest.mark.parametrize(("share", "length"), [(0.02, 4.0), (0.05, 10.0), (0.1, 1.0)])
def test_bursts_have_the_length_and_the_share_asked_for(share: float, length: float) -> None:
    outcomes = sent(path(burst_loss=share, burst_datagrams=length), 200_000)
    bursts = [len(list(group)) for lost, group in groupby(outcomes, key=lambda outcome: not outcome) if lost]
    assert sum(bursts) / len(outcomes) == pytest.approx(share, rel=0.1)
    mean = sum(bursts) / len(bursts)
    assert mean == pytest.approx(length, rel=0.15)


def test_a_burst_does_not_wait_for_those_who_are_silent() -> None:
    talking, silent = (
        sent(path(burst_loss=0.5, burst_datagrams=1_000.0), every_s=every_s).count(()) / MANY
        for every_s in (0.002, SILENCE_S)
    )
    assert talking > 0.3
    assert silent < 0.01


def test_what_is_lost_has_cost_the_link_its_time() -> None:
    link = path(loss=1.0, rate=steady(960.0))
    link.send(OCTETS, 0.0)
    link.become(Impairment(rate=steady(960.0)), 0.0)
    assert link.send(OCTETS, 0.0) == (0.020,)


def test_jitter_spreads_delays_evenly_and_keeps_the_order() -> None:
    times = list(arrived(sent(path(delay_ms=20, jitter_ms=40), every_s=0.1)))
    delays = [at - number * 0.1 for number, at in enumerate(times)]
    assert 0.020 <= min(delays) < 0.022
    assert 0.058 < max(delays) <= 0.060 + 1e-9
    assert sum(delays) / MANY == pytest.approx(0.040, rel=0.02)
    close = list(arrived(sent(path(delay_ms=20, jitter_ms=40), every_s=0.001)))
    assert close == sorted(close)


def test_so_many_are_overtaken_as_asked_for() -> None:
    link = path(delay_ms=10, jitter_ms=5, reordered=0.05, reordered_by_ms=20)
    times = list(arrived(sent(link)))
    late = sum(1 for before, after in pairwise(times) if after < before)
    assert late / MANY == pytest.approx(0.05, abs=0.005)
    assert link.passed.reordered == pytest.approx(late, rel=0.1)


def test_copies_come_after_what_they_are_copies_of() -> None:
    link = path(duplicated=0.1)
    twice = [outcome for outcome in sent(link) if len(outcome) == 2]
    assert len(twice) / MANY == pytest.approx(0.1, abs=0.01)
    assert all(first < second for first, second in twice)
    assert link.passed.duplicated == len(twice)


def test_a_schedule_of_rates_is_gone_through_again_and_again() -> None:
    impairment = Impairment(rate=(Stretch(1_000, 2), Stretch(500, 1)))
    rates = [impairment.rate_at(second) for second in (0.0, 1.9, 2.0, 2.9, 3.0, 5.5, 300.0)]
    assert rates == [1_000, 1_000, 500, 500, 1_000, 500, 1_000]
    assert Impairment().rate_at(1.0) is None


def test_a_link_that_changes_does_so_from_that_moment_on() -> None:
    link = path(rate=steady(960.0))
    assert link.send(OCTETS, 0.0) == (0.010,)
    link.become(Impairment(rate=steady(96.0)), 0.005)
    assert link.send(OCTETS, 0.005) == pytest.approx((0.110,))
    link.become(Impairment(), 0.006)
    assert link.send(OCTETS, 0.006) == pytest.approx((0.110,))
    assert link.send(OCTETS, 0.2) == (0.2,)


def test_a_schedule_begins_when_the_link_becomes_so() -> None:
    link = path()
    link.become(Impairment(rate=(Stretch(960, 1), Stretch(96, 1)), queue_ms=0), 10.5)
    assert link.send(OCTETS, 10.5) == pytest.approx((10.510,))
    assert link.send(OCTETS, 11.5) == pytest.approx((11.600,))


def test_the_same_seed_gives_the_same_network_and_another_one_another() -> None:
    everything = {
        "loss": 0.05,
        "burst_loss": 0.02,
        "burst_datagrams": 4,
        "jitter_ms": 10,
        "reordered": 0.01,
        "duplicated": 0.01,
        "rate": steady(5_000),
    }
    assert sent(path(7, **everything)) == sent(path(7, **everything))
    assert sent(path(7, **everything)) != sent(path(8, **everything))


def test_what_was_counted_since_a_moment_is_told_apart() -> None:
    link = path(rate=steady(96.0), queue_ms=0)
    link.send(OCTETS, 0.0)
    before = link.passed.copy()
    link.send(OCTETS, 0.001)
    since = link.passed.since(before)
    assert (since.sent, since.octets, since.dropped, since.delivered) == (1, 0, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"loss": 1.5},
        {"duplicated": -0.1},
        {"delay_ms": -1},
        {"queue_ms": math.inf},
        {"burst_datagrams": 0.5},
        {"burst_loss": 1.0},
    ],
)
def test_a_link_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"share|time|burst"):
        Impairment(**wrong)  # type: ignore[arg-type]  # which is the point
    with pytest.raises(ValueError, match="carries nothing"):
        Stretch(0.0)
