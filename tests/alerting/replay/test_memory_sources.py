"""Telemetry in memory answers every question as the database does over the same records."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import product
from typing import Any, get_args

import pytest
from django.utils import timezone

from alerting.replay.memory import MemorySources, MetricSeries
from alerting.replay.points import Details, Points
from alerting.replay.scans import EventCount, SpanRow
from alerting.sources.metric_points import shape_of
from alerting.sources.samples import Aggregation, Answer, Question, Window
from alerting.sources.scans import TooManyGroups
from alerting.sources.series import Series
from alerting.sources.sql import SqlSources
from analytics.matchers import parse
from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from tests.alerting.scenes import send_business
from tests.clients import ProjectClient, counts

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
AGGREGATIONS = get_args(Aggregation)

Row = tuple[float, float | None, dict[str, Any]]
"""Seconds before NOW, value, and what else the point has."""

PLAIN: list[Row] = [(200, 5, {}), (60, 1, {}), (45, 4, {}), (30, 2, {}), (0, 8, {}), (-30, 100, {})]
HISTOGRAM = Distribution.of([1.0, 2.0, 30.0])
BOUNDLESS = Distribution(count=4, sum=8.0, buckets={"0": 4})
SERIES: dict[str, list[Row]] = {
    "plain": PLAIN,
    "reset": [(60, 50, {}), (45, 70, {}), (30, 5, {}), (15, 6, {})],
    "edges": [(120, 7, {}), (120 - 1e-6, 9, {}), (0, 3, {}), (-1e-6, 4, {})],
    "gaps": [(60, math.nan, {}), (30, 3, {}), (15, math.nan, {})],
    "nothing but NaN": [(30, math.nan, {})],
    "ended": [(60, 3, {}), (30, None, {"stale": True})],
    "ended before the window": [(600, 3, {}), (500, None, {"stale": True})],
    "back": [(60, 3, {}), (30, None, {"stale": True}), (15, 4, {})],
    "silent": [(600, 3, {})],
    "gone": [(25 * 3600, 3, {})],
    "future": [(-60, 3, {})],
    "given": [(60, 3, {"percentile_95": 12.0, "percentile_50": 2.0}), (30, 5, {})],
    "delta": [(60, 3, {"temporality": "delta"}), (30, 5, {"temporality": "delta"}), (15, 1, {})],
    "histogram": [(60, HISTOGRAM.mean, {"distribution": HISTOGRAM}), (30, 7, {})],
    "no extremes": [(60, BOUNDLESS.mean, {"distribution": BOUNDLESS})],
    "only edge": [(120, 3, {})],
}


def _record(name: str, row: Row) -> PointRecord:
    before_seconds, value, details = row
    return PointRecord(
        metric_name="depth",
        metric_type="histogram" if "distribution" in details else "gauge",
        metric_value=None if "distribution" in details else value,
        tags={"kind": name},
        timestamp=NOW - timedelta(seconds=before_seconds),
        **details,
    )


def _series(position: int, name: str, rows: Sequence[Row]) -> MetricSeries:
    points = Points()
    for before_seconds, value, fields in rows:
        at = (NOW - timedelta(seconds=before_seconds)).timestamp()
        points.append(at, value, is_stale="stale" in fields, details=_details(fields))
    return MetricSeries(Series(position, "depth", {"kind": name}, {"metric_type": "gauge"}), points)


def _details(fields: dict[str, Any]) -> Details:
    percentiles = {
        name.replace("percentile_", "p"): value for name, value in fields.items() if "percentile" in name
    }
    return Details(fields.get("distribution"), percentiles, is_delta="temporality" in fields)


def _as_written(answer: Answer) -> tuple[Any, ...]:
    samples = {
        labels: (None if sample.value is None else f"{sample.value:.9g}", sample.stale, sample.remark)
        for labels, sample in answer.samples.items()
    }
    return samples, answer.silent


@pytest.mark.django_db
def test_metric_points(api: ProjectClient) -> None:
    for name, rows in SERIES.items():
        received_at = NOW - timedelta(seconds=rows[0][0])
        assert record_points(api.project.pk, [_record(name, row) for row in rows], received_at) == []
    memory = MemorySources(metrics=[_series(at, *named) for at, named in enumerate(SERIES.items())])
    window = Window(api.project.pk, NOW, 120)
    groupings: list[tuple[str, ...]] = [("*",), ("kind",), ()]
    for aggregation, group_by, wants_silent in product(AGGREGATIONS, groupings, [False, True]):
        question = Question(1, "depth", aggregation, (), group_by, wants_silent)
        shape = shape_of(aggregation)
        ours = memory.metric_points(window, shape, [question])
        stored = SqlSources().metric_points(window, shape, [question])
        assert _as_written(ours[1]) == _as_written(stored[1]), question


@pytest.mark.django_db
@pytest.mark.parametrize("aggregation", AGGREGATIONS)
def test_business_metrics(api: ProjectClient, aggregation: Aggregation) -> None:
    periods = {"eu": [(200, 5.0), (60, 7.0), (0, 3.0)], "us": [(30, 1.0)], "old": [(500, 1.0)]}
    series = []
    for key, (region, rows) in enumerate(periods.items()):
        for before_seconds, value in rows:
            send_business(api, value, NOW - timedelta(seconds=before_seconds), dimensions={"region": region})
        points = Points.of(((NOW - timedelta(seconds=before)).timestamp(), value) for before, value in rows)
        series.append(MetricSeries(Series(key, "revenue", {"region": region}, {}), points))
    question = Question(1, "revenue", aggregation, (), ("region",), wants_silent=True)
    window = Window(api.project.pk, NOW, 120)
    ours = MemorySources(business=series).business_metrics(window, [question])
    stored = SqlSources().business_metrics(window, [question])
    assert _as_written(ours[1]) == _as_written(stored[1])


def _moments() -> list[tuple[float, str, str]]:
    """Seconds before NOW, region, status; those at the edges of a window of 120 s among them."""
    return [
        (120, "eu", "error"),
        (119, "eu", "ok"),
        (60, "eu", "error"),
        (60, "us", "ok"),
        (30, "", "error"),
        (0, "us", "ok"),
        (-1, "us", "error"),
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("filters", [{}, {"severity": ["error", "x"]}, {"tags.region": ""}], ids=str)
@pytest.mark.parametrize("group_by", [(), ("tags.region",), ("tags.region", "severity")])
def test_events(api: ProjectClient, group_by: tuple[str, ...], filters: dict[str, Any]) -> None:
    body, rows = [], []
    for before_seconds, region, severity in _moments():
        at = NOW - timedelta(seconds=before_seconds)
        event = {
            "event_name": "paid",
            "event_type": "shop",
            "severity": "info" if severity == "ok" else severity,
        }
        body.append({**event, "timestamp": at.isoformat(), "tags": {"region": region} if region else {}})
        columns = {**event, "tags.region": region}
        rows.append(EventCount(at.timestamp(), 1, tuple(sorted(columns.items()))))
    assert counts(api.post("/api/v1/events", {"events": body})) == (len(body), 0, 0)
    matcher = parse({"event_type": "shop", "filters": filters})
    question = Question(1, "events", "count", (), group_by, matcher=matcher)
    window = Window(api.project.pk, NOW, 120)
    ours = MemorySources(events=rows).events(window, group_by, [question])
    assert ours == SqlSources().events(window, group_by, [question])


@pytest.mark.django_db
@pytest.mark.parametrize("group_by", [(), ("tags.region",)])
@pytest.mark.parametrize(
    ("metric", "aggregation"),
    [
        *(("duration_ms", aggregation) for aggregation in AGGREGATIONS),
        ("error_ratio", "avg"),
        ("span_count", "avg"),
        ("span_count", "rate"),
    ],
)
def test_spans(api: ProjectClient, metric: str, aggregation: Aggregation, group_by: tuple[str, ...]) -> None:
    body, rows = [], []
    for number, (before_seconds, region, status) in enumerate(_moments(), start=1):
        at = NOW - timedelta(seconds=before_seconds, microseconds=number)
        span = {"service_name": "api", "operation_name": "GET /", "status": status}
        ids = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}", "start_time": at.isoformat()}
        body.append({**span, **ids, "duration_ms": number * 10, "tags": {"region": region} if region else {}})
        columns = {**span, "tags.region": region}
        rows.append(SpanRow(at.timestamp(), number * 10, tuple(sorted(columns.items()))))
    assert counts(api.post("/api/v1/traces", {"spans": body})) == (len(body), 0, 0)
    question = Question(1, metric, aggregation, (("service_name", "api"),), group_by)
    window = Window(api.project.pk, NOW, 120)
    ours = MemorySources(spans=rows).spans(window, group_by, [question])
    assert _as_written(ours[1]) == _as_written(SqlSources().spans(window, group_by, [question])[1])


def test_too_many_label_sets_are_refused() -> None:
    rows = [EventCount(NOW.timestamp(), 1, (("user_id", str(user)),)) for user in range(10_001)]
    question = Question(1, "events", "count", (), ("user_id",))
    with pytest.raises(TooManyGroups):
        MemorySources(events=rows).events(Window(1, NOW, 60), ("user_id",), [question])


def test_what_a_rule_saw_is_remembered_and_forgotten() -> None:
    memory = MemorySources()
    first, second = (("host", "a"),), (("host", "b"),)
    later = NOW + timedelta(hours=1)
    memory.remember({1: [first]}, NOW)
    known = memory.remember({1: [second]}, later)[1]
    assert {labels: (seen.first_at, seen.last_at) for labels, seen in known.items()} == {
        first: (NOW, NOW),
        second: (later, later),
    }
    assert set(memory.remember({1: []}, later, forget_before=NOW + timedelta(seconds=1))[1]) == {second}
    assert set(memory.remember({2: []}, later)[2]) == set()


def test_hours_begin_on_the_hour_and_leave_out_those_without_data() -> None:
    hour = datetime.fromtimestamp(3600 * 1000, NOW.tzinfo)
    moments = [hour, hour + timedelta(minutes=59), hour + timedelta(hours=2)]
    points = Points.of((at.timestamp(), value) for at, value in zip(moments, [1, 3, 9], strict=True))
    memory = MemorySources(metrics=[MetricSeries(Series(1, "depth", {}, {}), points)])
    window = Window(1, hour + timedelta(hours=3), 4 * 3600)
    question = Question(7, "depth", "avg", (), ())
    assert memory.hourly("system_metric", window, [question]) == {
        7: {(): {hour: 2.0, hour + timedelta(hours=2): 9.0}}
    }


def test_points_out_of_order_are_refused() -> None:
    points = Points.of([(1, 1)])
    with pytest.raises(ValueError, match="order of their times"):
        points.append(1, 2)
