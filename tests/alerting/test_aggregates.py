"""One number out of a window's points."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.sources.aggregates import GIVEN_REMARK, SeriesWindow, combine, rate_of_counter
from alerting.sources.samples import Aggregation
from metrics.distribution import Distribution

FIRST = SeriesWindow(count=2, total=10, low=4, high=6)
SECOND = SeriesWindow(count=8, total=80, low=1, high=30)
NOTHING = SeriesWindow()


@pytest.mark.parametrize(
    ("aggregation", "value"), [("avg", 9), ("min", 1), ("max", 30), ("sum", 90), ("count", 10)]
)
def test_series_of_a_label_set_are_taken_together(aggregation: Aggregation, value: float) -> None:
    assert combine([FIRST, SECOND, NOTHING], aggregation).value == value


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [("avg", None), ("min", None), ("last", None), ("p95", None), ("count", 0), ("rate", 0)],
)
def test_points_without_a_number_are_no_data_but_count_as_zero(
    aggregation: Aggregation, value: float | None
) -> None:
    assert combine([NOTHING], aggregation).value == value


def test_plain_values_give_exact_percentiles() -> None:
    windows = [SeriesWindow(values=[1.0, 2.0]), SeriesWindow(values=[3.0, 4.0])]
    assert combine(windows, "p50").value == 2.5
    assert combine(windows, "p99").value == pytest.approx(3.97)


def test_given_percentiles_count_with_their_maximum_and_say_so() -> None:
    windows = [SeriesWindow(given=120.0), SeriesWindow(given=80.0, values=[5.0])]
    sample = combine(windows, "p95")
    assert (sample.value, sample.remark) == (120.0, GIVEN_REMARK)


@given(
    parts=st.lists(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20), min_size=1, max_size=5),
    plain=st.lists(st.floats(0.001, 1e6), max_size=5),
)
def test_percentiles_of_merged_distributions_are_within_a_hundredth(
    parts: list[list[float]], plain: list[float]
) -> None:
    windows = [SeriesWindow(buckets=Distribution.of(part).buckets) for part in parts]
    value = combine([*windows, SeriesWindow(values=plain)], "p90").value
    everything = sorted([*plain, *(value for part in parts for value in part)])
    exact = everything[math.ceil(0.9 * len(everything)) - 1]
    assert value == pytest.approx(exact, rel=0.01)


RATES = [
    ("a steady counter", [15, 30, 45, 60], [100, 115, 130, 145], 0, 60, 1.0),
    ("a reset begins at 0 again", [15, 30, 45, 60], [100, 130, 10, 40], 0, 60, 70 * 60 / 45 / 60),
    ("a counter that began at 0 is not extended below it", [15, 30, 45, 60], [0, 15, 30, 45], 0, 60, 0.75),
    ("points far from the edges are extended by half a step", [100, 110], [50, 60], 0, 300, 10 * 2 / 300),
    ("a flat counter", [15, 30], [7, 7], 0, 60, 0.0),
    ("one point says nothing", [15], [7], 0, 60, None),
    ("no point says nothing", [], [], 0, 60, None),
]


@pytest.mark.parametrize(
    ("times", "values", "start", "end", "rate"), [row[1:] for row in RATES], ids=[row[0] for row in RATES]
)
def test_the_rate_of_a_counter(
    times: list[float], values: list[float], start: float, end: float, rate: float | None
) -> None:
    assert rate_of_counter(times, values, start, end) == (None if rate is None else pytest.approx(rate))
