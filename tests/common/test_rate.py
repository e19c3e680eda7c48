"""A token bucket, on virtual time."""

from __future__ import annotations

from common.rate import TokenBucket


def test_a_bucket_lets_a_burst_through_and_then_its_rate() -> None:
    bucket = TokenBucket(rate_per_s=50, burst=100, now=0)
    assert sum(bucket.take(0) for _ in range(300)) == 100
    assert sum(bucket.take(0.1) for _ in range(300)) == 5
    assert sum(bucket.take(1000) for _ in range(300)) == 100


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=1, now=10.0)
    assert bucket.take(10.0)
    assert not bucket.take(5.0)
    assert not bucket.take(10.5)
    assert bucket.take(11.1)


def test_looking_takes_nothing() -> None:
    bucket = TokenBucket(rate_per_s=1.0, burst=1, now=0.0)
    assert bucket.full(0.0)
    assert all(bucket.has(0.0) for _ in range(5))
    assert bucket.take(0.0)
    assert not bucket.has(0.5)
    assert not bucket.full(0.5)
    assert bucket.full(1.0)
