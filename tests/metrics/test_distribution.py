"""Distributions stay within 1 % of the truth, whatever they are made of."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from metrics.distribution import Distribution, bucket_of, percentile, value_of

# Beyond these PostgreSQL refuses the arithmetic, so that values count as the nearest of them (storage.log_buckets).
positive = st.floats(1e-300, 7e307)
values = st.just(0.0) | positive | positive.map(lambda value: -value)
samples = st.lists(values, min_size=1, max_size=200)
shares = st.floats(min_value=0, max_value=1)


def nearest_rank(ordered: list[float], q: float) -> float:
    return ordered[max(1, math.ceil(q * len(ordered))) - 1]


@pytest.mark.parametrize(
    ("value", "bucket"),
    [(0.0, "zero"), (-0.0, "zero"), (1.0, "0"), (1.02, "1"), (0.5, "-36"), (-0.5, "n-36"), (-3, "n55")],
)
def test_a_value_lies_in_the_bucket_of_its_logarithm(value: float, bucket: str) -> None:
    assert bucket_of(value) == bucket


@given(values)
@example(7e307)
@example(1e-300)
def test_a_bucket_stands_for_its_values_within_one_percent(value: float) -> None:
    assert value_of(bucket_of(value)) == pytest.approx(value, rel=0.01, abs=0)


@given(samples, shares)
def test_percentiles_are_within_one_percent_of_the_nearest_rank(sample: list[float], q: float) -> None:
    exact = nearest_rank(sorted(sample), q)
    distribution = Distribution.of(sample)
    assert distribution.percentile(q) == pytest.approx(exact, rel=0.01, abs=0)
    assert percentile(distribution.buckets, q) == pytest.approx(exact, rel=0.01, abs=0)


@given(st.lists(st.lists(values, max_size=50), min_size=1, max_size=8))
def test_merging_parts_counts_what_the_whole_counts(parts: list[list[float]]) -> None:
    merged = Distribution()
    for part in parts:
        merged.merge(Distribution.of(part))
    whole = Distribution.of([value for part in parts for value in part])
    assert (merged.count, merged.min, merged.max, merged.buckets) == (
        whole.count,
        whole.min,
        whole.max,
        whole.buckets,
    )


def test_an_empty_distribution_has_no_mean_and_no_percentile() -> None:
    empty = Distribution()
    assert (empty.mean, empty.percentile(0.5), percentile({}, 0.5)) == (None, None, None)
