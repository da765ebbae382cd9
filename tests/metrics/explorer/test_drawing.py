"""What a chart makes of measured lines, case by case."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from metrics.charting import Aggregation
from metrics.explorer.choice import choice_of, usual_aggregation
from metrics.explorer.drawing import namer_of, ranked, rows_of, suggested_threshold, unit_of, with_gaps
from metrics.explorer.measuring import Measured

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def line(
    values: Sequence[float],
    metric: str = "cpu",
    unit: str = "",
    aggregation: Aggregation = "avg",
    **labels: str,
) -> Measured:
    points = [(NOON + timedelta(minutes=number), value) for number, value in enumerate(values)]
    units = frozenset({unit} if unit else ())
    return Measured(
        metric=metric, aggregation=aggregation, labels=labels, units=units, series_ids=[1], has_histograms=False,
        points=points,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("values", "threshold"),
    [([], None), ([5], 5.0), ([1, 2, 41.237], 41.2), ([*range(200)], 198.0), ([float("nan")], None)],
)
def test_a_threshold_to_begin_with_is_what_hardly_any_value_exceeds(
    values: list[float], threshold: float | None
) -> None:
    assert suggested_threshold([line(values)]) == threshold


@pytest.mark.parametrize(
    ("metric_type", "aggregation"),
    [("counter", "rate"), ("histogram", "p95"), ("timer", "p95"), ("gauge", "avg")],
)
def test_a_type_has_its_usual_aggregation(metric_type: str, aggregation: str) -> None:
    assert usual_aggregation(metric_type) == aggregation


@pytest.mark.parametrize(
    ("lines", "unit"),
    [
        ([line([1], unit="ms"), line([1], unit="ms")], "ms"),
        ([line([1], unit="ms"), line([1], unit="s")], ""),
        ([line([1], unit="bytes", aggregation="rate")], "bytes/s"),
        ([line([1], aggregation="rate")], "/s"),
        ([line([1], unit="ms", aggregation="count")], ""),
        ([], ""),
    ],
)
def test_lines_share_a_unit_or_have_none(lines: list[Measured], unit: str) -> None:
    assert unit_of(lines) == unit


def test_names_say_no_more_than_tells_lines_apart() -> None:
    several = [line([1], host="a"), line([1], metric="disk", host="a")]
    by_host, by_none = (
        choice_of({"metric_name": "cpu", "group_by": "host"}),
        choice_of({"metric_name": "cpu"}),
    )
    by_two = choice_of({"metric_name": "cpu", "group_by": "host,region"})
    assert namer_of(by_host, several[:1])(several[0]) == "a"
    assert namer_of(by_host, several)(several[1]) == "avg disk a"
    assert namer_of(by_none, several[:1])(line([1])) == "avg cpu"
    assert namer_of(by_two, several[:1])(line([1], host="a", region="eu")) == "host=a, region=eu"
    assert namer_of(by_two, several[:1])(line([1])) == "no host or region"
    assert len(namer_of(by_host, several[:1])(line([1], host="x" * 1000))) == 120


def test_the_highest_lines_come_first_and_those_without_numbers_last() -> None:
    given = [line([1], host="low"), line([float("inf")], host="none"), line([-9, 2], host="high")]
    assert [one.labels["host"] for one in ranked(given)] == ["high", "low", "none"]
    assert [row.name for row in rows_of(ranked(given), lambda one: one.labels["host"])] == ["high", "low"]


def test_a_gap_is_longer_than_three_usual_steps() -> None:
    points = [(NOON + timedelta(minutes=minute), 1.0) for minute in (0, 1, 2, 3, 4, 8, 12)]
    assert [value for _, value in with_gaps(points)] == [1, 1, 1, 1, 1, None, 1, None, 1]
    assert with_gaps([]) == []
