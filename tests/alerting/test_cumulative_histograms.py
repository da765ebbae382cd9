"""Rules over what cumulative histograms and delta counters say of a window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from django.utils import timezone

from metrics.charting import Aggregation, Question, chart
from metrics.distribution import Distribution
from metrics.histograms import log_buckets_of_bounds
from metrics.models import MetricSeries
from metrics.recording import record_points
from metrics.records import PointRecord
from storage.rollups.windows import Window
from tests.alerting.scenes import alerts, make_rule, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(minute=30, second=0, microsecond=0) - timedelta(hours=1)
"""In the middle of an hour, so that one bucket of a chart holds what the rules read."""

MINUTE = timedelta(minutes=1)
ALWAYS: dict[str, Any] = {"operator": "!=", "threshold": -12345}
BOUNDS = [10.0, 20.0]


def cumulative(minutes_ago: float, counts: Sequence[int], total: float, **fields: Any) -> PointRecord:
    """All that was counted since the process began nine hours ago."""
    return PointRecord(
        metric_name="latency", metric_type="histogram", temporality="cumulative",
        timestamp=NOW - minutes_ago * MINUTE, start_time=NOW - timedelta(hours=9),
        distribution=Distribution(sum(counts), total, 0.0, 19.0, log_buckets_of_bounds(BOUNDS, counts)),
        **fields,
    )  # fmt: skip


def value_of(api: ProjectClient, points: Sequence[PointRecord], aggregation: str) -> Any:
    """The value of a rule over the last five minutes; None where it has no data."""
    assert record_points(api.project.pk, points, NOW) == []
    return rule_value(api, aggregation)


def rule_value(api: ProjectClient, aggregation: str) -> Any:
    rule = make_rule(api, metric="latency", aggregation=aggregation, group_by=None, **ALWAYS)
    tick(NOW)
    return next((alert["value"] for alert in alerts(api, rule=str(rule.pk))), None)


BEFORE = cumulative(7, [1000, 0, 0], 5000.0)
WINDOW = [cumulative(3, [1000, 100, 0], 6500.0), cumulative(0, [1010, 200, 0], 8050.0)]


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [
        ("count", 210),
        ("sum", 3050),
        ("avg", 3050 / 210),
        ("rate", 210 / 300),
        ("last", 1550 / 110),
        ("p50", 14.8),
        ("p99", 19.9),
        ("max", None),
    ],
)
def test_only_what_came_in_the_window_counts(
    api: ProjectClient, aggregation: str, value: float | None
) -> None:
    found = value_of(api, [BEFORE, *WINDOW], aggregation)
    assert found == (value if value is None else pytest.approx(value, rel=0.03))


def test_a_restart_in_the_window_counts_from_nothing(api: ProjectClient) -> None:
    again = cumulative(0, [3, 0, 0], 15.0)
    assert value_of(api, [BEFORE, WINDOW[0], again], "sum") == 1515


def test_series_of_all_kinds_are_aggregated_as_one(api: ProjectClient) -> None:
    plain = PointRecord(metric_name="latency", metric_value=30.0, timestamp=NOW, host_name="plain")
    delta = PointRecord(
        metric_name="latency", metric_type="histogram", temporality="delta", timestamp=NOW, host_name="delta",
        distribution=Distribution.of([50.0, 50.0]),
    )  # fmt: skip
    assert value_of(api, [BEFORE, *WINDOW, plain, delta], "sum") == 3050 + 30 + 100


def test_a_summary_gives_its_percentiles_and_the_mean_of_the_window(api: ProjectClient) -> None:
    summary = [
        PointRecord(
            metric_name="latency", metric_type="histogram", temporality="cumulative", percentile_95=p95,
            timestamp=NOW - minutes * MINUTE, distribution=Distribution(count, total),
        )
        for minutes, count, total, p95 in ((6, 100, 500.0, 9.0), (1, 110, 800.0, 40.0))
    ]  # fmt: skip
    assert value_of(api, summary, "p95") == 40


@pytest.mark.parametrize(("aggregation", "value"), [("rate", 60 / 300), ("sum", 60), ("avg", 20)])
def test_a_delta_counter_has_its_values_as_increase(
    api: ProjectClient, aggregation: str, value: float
) -> None:
    points = [
        PointRecord(
            metric_name="latency", metric_type="counter", metric_value=step, temporality="delta",
            timestamp=NOW - minutes * MINUTE,
        )
        for minutes, step in ((2, 30.0), (1, 10.0), (0, 20.0))
    ]  # fmt: skip
    assert value_of(api, points, aggregation) == pytest.approx(value)


DELTA = PointRecord(
    metric_name="latency", metric_type="histogram", temporality="delta", timestamp=NOW - MINUTE,
    host_name="delta", distribution=Distribution.of([40.0, 50.0]),
)  # fmt: skip
PLAIN = PointRecord(metric_name="latency", metric_value=30.0, timestamp=NOW - MINUTE, host_name="plain")
NOTHING_NEW = [cumulative(minutes, [7, 0, 0], 35.0) for minutes in (4, 2)]
NO_MAXIMUM = Distribution(1, 45.0, 45.0, None, Distribution.of([45.0]).buckets)


@pytest.mark.parametrize(
    ("points", "low", "high"),
    [
        ([DELTA, PLAIN], 30, 50),
        ([DELTA, BEFORE, *WINDOW], None, None),
        ([PLAIN, BEFORE, *WINDOW], None, None),
        ([DELTA, *NOTHING_NEW], 40, 50),
        ([DELTA, msgspec.structs.replace(DELTA, host_name="other", distribution=NO_MAXIMUM)], 40, None),
        ([DELTA, msgspec.structs.replace(DELTA, timestamp=NOW, distribution=NO_MAXIMUM)], 40, None),
        ([DELTA, msgspec.structs.replace(PLAIN, metric_value=math.nan)], 40, 50),
    ],
    ids=["known", "beside a histogram", "beside a value", "nothing new", "two series", "one series", "NaN"],
)
def test_rules_and_charts_know_no_extreme_as_soon_as_one_is_unknown(
    api: ProjectClient, points: Sequence[PointRecord], low: float | None, high: float | None
) -> None:
    assert record_points(api.project.pk, points, NOW) == []
    assert (rule_value(api, "min"), charted(api, "min")) == (low, low)
    assert (rule_value(api, "max"), charted(api, "max")) == (high, high)


def charted(api: ProjectClient, aggregation: Aggregation) -> float | None:
    window = Window(NOW - timedelta(minutes=30), NOW + timedelta(minutes=30), timedelta(hours=1))
    lines = dict.fromkeys(MetricSeries.objects.filter(project=api.project).values_list("id", flat=True), 0)
    found = chart(Question(api.project.pk, lines, window, aggregation), NOW).get(0, [])
    return found[0][1] if found else None
