"""A token bucket, on virtual time."""

from __future__ import annotations

from common.rate import Buckets, TokenBucket


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


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = Buckets[str](rate_per_s=1, burst=2, kept=10)
    assert [buckets.take("a", 0) for _ in range(3)] == [True, True, False]
    assert (buckets.has("a", 0), buckets.has("b", 0)) == (False, True)
    assert buckets.take("b", 0)
    assert buckets.take("a", 1)


def test_a_table_of_buckets_is_bounded_and_forgets_whoever_was_seen_longest_ago() -> None:
    buckets = Buckets[int](rate_per_s=1, burst=1, kept=3)
    for key in (1, 2, 3, 1, 4):
        buckets.take(key, 0)
    assert len(buckets) == 3
    assert [buckets.has(key, 0) for key in (1, 2, 3, 4)] == [False, True, False, False]


def test_asking_remembers_nothing() -> None:
    buckets = Buckets[int](rate_per_s=1, burst=1)
    assert all(buckets.has(key, 0) for key in range(100))
    assert len(buckets) == 0
