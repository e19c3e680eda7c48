"""Timestamps become moments, and sequence numbers become losses, wherever they wrap."""

from __future__ import annotations

import pytest

from agents.tap import REPORTS_KEPT, PacketCount, RtpClock, signed_distance

NTP = 3_900_000_000 << 32


@pytest.mark.parametrize("start", [0, 1, 2**31 - 1, 2**31, 2**32 - 90_001, 2**32 - 90_000, 2**32 - 1])
def test_a_moment_is_the_report_and_the_time_since(start: int) -> None:
    clock = RtpClock(90_000)
    clock.add(start, NTP)
    assert clock.moment((start + 90_000) % 2**32) == pytest.approx(3_900_000_001)
    assert clock.moment((start - 45_000) % 2**32) == pytest.approx(3_899_999_999.5)


def test_the_nearest_report_counts() -> None:
    clock = RtpClock(90_000)
    clock.add(0, NTP)
    clock.add(900_000, NTP + (11 << 32))  # the publisher's clock was set meanwhile
    assert clock.moment(90_000) == pytest.approx(3_900_000_001)
    assert clock.moment(810_000) == pytest.approx(3_900_000_010)


def test_before_a_report_there_is_no_moment() -> None:
    clock = RtpClock(90_000)
    clock.add(5, 0)  # a report that says nothing
    assert clock.moment(5) is None


def test_reports_kept_are_bounded() -> None:
    clock = RtpClock(90_000)
    for i in range(1000):
        clock.add(i, NTP)
    assert len(clock._references) == REPORTS_KEPT


@pytest.mark.parametrize("start", [0, 1, 32_767, 32_768, 65_530, 65_534, 65_535])
def test_losses_are_counted_wherever_the_counter_wraps(start: int) -> None:
    count = PacketCount()
    for i in (0, 1, 3, 2, 6, 7):
        count.see((start + i) % 65_536)
    assert (count.received, count.lost) == (6, 2)


def test_a_stream_longer_than_the_counter_is_counted_whole() -> None:
    count = PacketCount()
    for i in range(200_000):
        if i % 1000:
            count.see(i % 65_536)
    assert count.lost == 199


def test_nothing_seen_is_nothing_lost() -> None:
    assert PacketCount().lost == 0


@pytest.mark.parametrize(("later", "earlier", "distance"), [(5, 3, 2), (3, 5, -2), (1, 2**32 - 1, 2)])
def test_distance_goes_the_short_way_round(later: int, earlier: int, distance: int) -> None:
    assert signed_distance(later, earlier) == distance
