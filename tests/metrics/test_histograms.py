"""Histograms of other formats become log buckets: nothing is lost, nothing falls, percentiles are interpolated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metrics.distribution import Distribution, bucket_of, percentile, value_of
from metrics.histograms import MAX_BUCKETS, MAX_PARTS, log_buckets_of_bounds, log_buckets_of_exponential

counts = st.integers(0, 2**40)
finite = st.floats(allow_nan=False, allow_infinity=False)
bounds_and_counts = st.lists(finite, min_size=1, max_size=12, unique=True).flatmap(
    lambda bounds: st.tuples(
        st.just(sorted(bounds)), st.lists(counts, min_size=len(bounds) + 1, max_size=len(bounds) + 1)
    )
)
scales = st.integers(-11, 20)
offsets = st.integers(-(2**31), 2**31 - 1)
few_counts = st.lists(counts, max_size=12)


@given(bounds_and_counts)
def test_every_value_of_explicit_buckets_is_counted_once(given_: tuple[list[float], list[int]]) -> None:
    assert sum(log_buckets_of_bounds(*given_).values()) == sum(given_[1])


@given(scales, counts, offsets, few_counts, offsets, few_counts)
def test_every_value_of_exponential_buckets_is_counted_once(  # noqa: PLR0917  # as many as the message has
    scale: int, zero: int, up: int, positive: list[int], down: int, negative: list[int]
) -> None:
    found = log_buckets_of_exponential(scale, zero, up, positive, down, negative)
    assert sum(found.values()) == zero + sum(positive) + sum(negative)
    assert all(math.isfinite(value_of(name)) for name in found)


@given(bounds_and_counts, st.data())
def test_no_log_bucket_falls_when_more_values_come(
    given_: tuple[list[float], list[int]], data: st.DataObject
) -> None:
    bounds, before = given_
    after = [count + data.draw(st.integers(0, 100)) for count in before]
    earlier, later = log_buckets_of_bounds(bounds, before), log_buckets_of_bounds(bounds, after)
    assert all(later[name] >= count for name, count in earlier.items())


@given(scales, st.integers(-400, 400), few_counts, st.data())
def test_no_log_bucket_of_an_exponential_histogram_falls_when_more_values_come(
    scale: int, offset: int, before: list[int], data: st.DataObject
) -> None:
    after = [count + data.draw(st.integers(0, 100)) for count in before]
    earlier = log_buckets_of_exponential(scale, 1, offset, before, offset, before)
    later = log_buckets_of_exponential(scale, 2, offset, after, offset, after)
    assert all(later[name] >= count for name, count in earlier.items())


def interpolated(bounds: Sequence[float], counts_: Sequence[int], q: float) -> tuple[float, float]:
    """(value, width of its bucket) as Prometheus' histogram_quantile has it, over finite buckets from 0 on."""
    rank = q * sum(counts_)
    for (low, high), count in zip(pairwise((0.0, *bounds)), counts_, strict=False):
        if count and rank <= count:
            return low + (high - low) * rank / count, high - low
        rank -= count
    return bounds[-1], 0.0


@given(
    st.lists(st.floats(1e-3, 1e6), min_size=1, max_size=12, unique=True).map(sorted),
    st.lists(st.integers(0, 1000), min_size=12, max_size=12),
    st.floats(0.01, 0.99),
)
def test_percentiles_lie_within_two_parts_of_the_interpolated_ones(
    bounds: list[float], many: list[int], q: float
) -> None:
    counted = [*many[: len(bounds)], 0]
    # With few values in a bucket the nearest rank and the interpolation differ by more than where they lie in it.
    assume(sum(counted) > 0 and all(count == 0 or count >= 100 for count in counted))
    expected, width = interpolated(bounds, counted, q)
    found = percentile(log_buckets_of_bounds(bounds, counted), q)
    assert found is not None
    edges = [bound for bound in (0.0, *bounds) if abs(bound - expected) <= width / 50]
    if not edges:  # at an edge the nearest rank may lie in the bucket beside
        assert found == pytest.approx(expected, rel=0.03, abs=2 * width / MAX_PARTS)


@given(st.lists(st.floats(1e-6, 1e9), min_size=1, max_size=100), st.integers(3, 8), st.floats(0, 1))
def test_percentiles_of_exponential_histograms_are_within_their_buckets_width(
    sample: list[float], scale: int, q: float
) -> None:
    base = 2 ** (2**-scale)
    indexes = [math.ceil(math.log2(value) * 2**scale) - 1 for value in sample]
    offset = min(indexes)
    positive = [0] * (max(indexes) - offset + 1)
    assume(len(positive) <= MAX_BUCKETS)
    for index in indexes:
        positive[index - offset] += 1
    exact = sorted(sample)[max(1, math.ceil(q * len(sample))) - 1]
    found = percentile(log_buckets_of_exponential(scale, 0, offset, positive, 0, []), q)
    assert found == pytest.approx(exact, rel=base - 1 + 0.03)


@pytest.mark.parametrize(
    ("bounds", "given_counts", "expected"),
    [
        ([], [], {}),
        ([], [5], {}),
        ([10.0], [0, 3], {bucket_of(10): 3}),
        ([0.0, 10.0], [2, 0, 0], {"zero": 2}),
        ([-5.0, 10.0], [2, 0, 0], {bucket_of(-5): 2}),
        ([8.0], [1, 0], {bucket_of(4.25): 1}),
        ([8.0], [3, 0], {bucket_of(4.25): 1, bucket_of(2.25): 1, bucket_of(6.25): 1}),
        ([100.0, 101.0], [0, 7, 0], {bucket_of(100.5): 7}),
    ],
)
def test_the_ends_count_as_their_bounds_and_few_values_lie_evenly(
    bounds: list[float], given_counts: list[int], expected: dict[str, int]
) -> None:
    assert log_buckets_of_bounds(bounds, given_counts) == expected


@pytest.mark.parametrize(
    ("bounds", "given_counts", "words"),
    [
        ([1.0, 2.0], [1, 1], "2 bounds need 3 counts"),
        ([2.0, 1.0], [1, 1, 1], "finite and rise"),
        ([1.0, 1.0], [1, 1, 1], "finite and rise"),
        ([math.nan], [1, 1], "finite and rise"),
        ([1.0, math.inf], [1, 1, 1], "finite and rise"),
        ([1.0], [-1, 1], "negative"),
        (list(map(float, range(MAX_BUCKETS + 1))), [1] * (MAX_BUCKETS + 2), "at most"),
    ],
)
def test_what_is_no_histogram_is_refused(bounds: list[float], given_counts: list[int], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        log_buckets_of_bounds(bounds, given_counts)


@pytest.mark.parametrize("scale", [-12, 21])
def test_scales_that_no_client_uses_are_refused(scale: int) -> None:
    with pytest.raises(ValueError, match="scale"):
        log_buckets_of_exponential(scale, 0, 0, [1], 0, [])
    with pytest.raises(ValueError, match="at most"):
        log_buckets_of_exponential(0, 0, 0, [1] * MAX_BUCKETS, 0, [1])


def test_a_distribution_without_a_sum_has_the_mean_of_its_buckets() -> None:
    values = [0.0, 1.0, 20.0, -3.0]
    known = Distribution.of(values)
    unknown = Distribution(count=4, sum=None, buckets=known.buckets)
    assert unknown.mean == pytest.approx(4.5, rel=0.05)
    known.merge(unknown)
    assert (known.count, known.sum, known.min, known.max) == (8, None, None, None)
