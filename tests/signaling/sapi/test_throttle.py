"""Who has to wait: guesses get slower, right passwords do not, and nobody fills the memory."""

from __future__ import annotations

import pytest

from signaling.errors import TooFast
from signaling.sapi import throttle
from signaling.sapi.throttle import Pace, SignInThrottle, Throttle


def test_after_the_free_failures_each_further_one_doubles_the_wait_up_to_the_longest() -> None:
    table, now, waits = Throttle(free=3, longest_s=8.0), 1000.0, []
    for _ in range(8):
        waits.append(table.wait_s("alice", now))
        now += waits[-1]
        table.begin("alice", now)
    assert waits == [0, 0, 0, 1, 2, 4, 8, 8]


def test_tries_at_the_same_moment_are_counted_before_any_of_them_is_known_to_have_failed() -> None:
    table = Throttle(free=2, longest_s=60.0)
    table.begin("alice", 5.0)
    table.begin("alice", 5.0)
    assert table.wait_s("alice", 5.0) > 0


def test_failures_are_forgotten_after_a_quarter_of_an_hour_of_peace() -> None:
    table = Throttle(free=1, longest_s=60.0)
    table.begin("alice", 0.0)
    table.begin("alice", throttle.FORGOTTEN_AFTER_S + 1)
    assert table.wait_s("alice", throttle.FORGOTTEN_AFTER_S + 3) == 0


def test_a_right_password_clears_its_name_but_not_what_its_address_did_to_other_names() -> None:
    both = SignInThrottle()
    now = 0.0
    for guess in range(49):
        both.begin(f"user{guess}@local", "10.0.0.1", now)
    both.begin("mallory@local", "10.0.0.1", now)
    both.succeeded("mallory@local", "10.0.0.1")
    both.begin("another@local", "10.0.0.1", now)
    with pytest.raises(TooFast) as refusal:
        both.begin("mallory@local", "10.0.0.1", now)
    assert 0 < refusal.value.retry_after_s <= 300
    both.begin("mallory@local", "10.0.0.2", now)


def test_a_name_is_made_to_wait_whether_anybody_is_called_so() -> None:
    both = SignInThrottle()
    for address in range(5):
        both.begin("nobody@local", f"10.0.0.{address}", 0.0)
    with pytest.raises(TooFast):
        both.begin("nobody@local", "10.0.0.99", 0.5)
    both.begin("nobody@local", "10.0.0.99", 61.0)


def test_the_table_forgets_the_oldest_rather_than_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "KEPT", 3)
    table, pace = Throttle(free=1, longest_s=60.0), Pace(1.0, 1.0)
    for key in "abcd":
        table.begin(key, 0.0)
        pace.take(key, 0.0)
    assert [table.wait_s(key, 0.0) > 0 for key in "abcd"] == [False, True, True, True]
    pace.take("a", 0.0)
    with pytest.raises(TooFast):
        pace.take("d", 0.0)


def test_an_address_may_burst_and_then_goes_at_its_rate() -> None:
    pace = Pace(rate_per_s=2.0, burst=3.0)
    for _ in range(3):
        pace.take("10.0.0.1", 0.0)
    with pytest.raises(TooFast) as refusal:
        pace.take("10.0.0.1", 0.0)
    assert refusal.value.retry_after_s == 0.5
    pace.take("10.0.0.1", 0.5)
    pace.take("10.0.0.2", 0.5)
