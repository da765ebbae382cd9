"""Points that were sent, what is stored of them, and what plain Python says of them."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
from django.db import connection

from metrics.charting import AGGREGATIONS, Aggregation, Question, chart
from metrics.distribution import Distribution
from metrics.models import MetricSeries
from metrics.records import POINTS, PointRecord, prepare
from metrics.rollups import POINT_ROLLUP
from projects.models import Project
from storage import partitions
from storage.connections import connect
from storage.log_buckets import code_of, percentile
from storage.partitions import start_of
from storage.records import Bounds, RecordError
from storage.rollups import engine
from storage.rollups.windows import Window
from storage.writer import write_rows

NOW = datetime.now(UTC).replace(minute=30, second=0, microsecond=0)
START, END = start_of((NOW - timedelta(hours=37)).date()), start_of((NOW + timedelta(days=1)).date())
HOST_A, HOST_B = "a", "b"
CHARTS = list(product(AGGREGATIONS, (timedelta(minutes=30), timedelta(hours=6), timedelta(days=1))))
SHARES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}


@dataclass(frozen=True)
class Sent:
    """One point: a plain value, values of a distribution, given percentiles, or a stale marker."""

    seconds_ago: int
    host: str
    value: float | None = None
    spread: tuple[float, ...] | None = None
    p95: float | None = None
    stale: bool = False

    @property
    def moment(self) -> datetime:
        return NOW - timedelta(seconds=self.seconds_ago)

    @property
    def key(self) -> tuple[str, datetime]:
        return self.host, self.moment

    @property
    def observations(self) -> list[float]:
        """NaN counts nowhere, stale markers neither."""
        if self.spread is not None:
            return list(self.spread)
        return [self.value] if self.is_plain and self.value is not None else []

    @property
    def is_plain(self) -> bool:
        return not self.stale and self.value is not None and not math.isnan(self.value)

    @property
    def newest(self) -> float | None:
        if self.spread:
            return sum(self.spread) / len(self.spread)
        return self.value if self.is_plain else None

    def record(self) -> PointRecord:
        return PointRecord(
            metric_name="queue", metric_unit="jobs", service_name="shop", host_name=self.host, timestamp=self.moment,
            metric_value=self.value, percentile_95=self.p95, stale=self.stale,
            distribution=None if self.spread is None else Distribution.of(self.spread),
        )  # fmt: skip


def store(project: Project, points: Sequence[Sent]) -> list[RecordError]:
    bounds = Bounds(project.pk, NOW, NOW - timedelta(days=30), NOW + timedelta(hours=1))
    write, errors = prepare(enumerate(point.record() for point in points), bounds)
    return errors + write_rows(write, NOW)


def advance(project: Project, now: datetime = NOW) -> None:
    engine.advance(POINT_ROLLUP, now, lambda: [project.pk])


def reset_watermark() -> None:
    """Begin where a new platform begins; the watermark itself never goes back."""
    partitions.ensure(POINT_ROLLUP.minutes.table, [(START + timedelta(days=n)).date() for n in range(5)])
    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closed_to = %s, closing_to = %s WHERE raw_table = %s",
            (START, START, POINTS.name),
        )


def floor(moment: datetime, interval: timedelta) -> datetime:
    return START + (moment - START) // interval * interval


def asked(project: Project, aggregation: Aggregation, interval: timedelta) -> dict[datetime, float]:
    """The chart of all hosts as one line."""
    ids = MetricSeries.objects.filter(project=project).values_list("id", flat=True)
    question = Question(project.pk, dict.fromkeys(ids, 0), Window(START, END, interval), aggregation)
    return dict(chart(question, NOW + timedelta(days=2)).get(0, []))


def charted(points: Sequence[Sent], aggregation: Aggregation, interval: timedelta) -> dict[datetime, Any]:
    """What the chart has to say, from the points themselves."""
    living = [point for point in points if not point.stale]
    if aggregation == "rate":
        return _rates(living, interval)
    buckets: dict[datetime, list[Sent]] = defaultdict(list)
    for point in living:
        buckets[floor(point.moment, interval)].append(point)
    values = {moment: _value(members, aggregation) for moment, members in buckets.items()}
    return {moment: about(value) for moment, value in values.items() if value is not None}


def _value(points: list[Sent], aggregation: Aggregation) -> float | None:
    observed = [value for point in points for value in point.observations]
    if aggregation in SHARES:
        return _percentile(points, aggregation)
    if aggregation == "last":
        newest = [(point.moment, point.newest) for point in points if point.newest is not None]
        return max(newest)[1] if newest else None
    if aggregation == "count":
        return len(observed)
    if aggregation == "sum":
        return math.fsum(observed)
    if not observed:
        return None
    return {"avg": math.fsum(observed) / len(observed), "min": min(observed), "max": max(observed)}[
        aggregation
    ]


def _percentile(points: list[Sent], aggregation: Aggregation) -> float | None:
    codes = Counter(
        code_of(value)
        for point in points
        if point.p95 is None or point.spread
        for value in point.observations
    )
    measured = percentile(codes.items(), SHARES[aggregation])
    extremes = [value for point in points for value in point.observations]
    if measured is not None:
        measured = min(max(measured, min(extremes)), max(extremes))
    known = [point.p95 for point in points if point.p95 is not None and not point.spread]
    if aggregation != "p95" or not known:
        return measured
    return max(known) if measured is None else max(*known, measured)


def _rates(points: list[Sent], interval: timedelta) -> dict[datetime, Any]:
    gained = {floor(point.moment, interval): 0.0 for point in points}
    for point in points:
        gained[floor(point.moment, interval)] += len(point.spread or ())
    for host in (HOST_A, HOST_B):
        plain = sorted(
            (point for point in points if point.host == host and point.is_plain and point.spread is None),
            key=lambda point: point.moment,
        )
        for before, after in pairwise(plain):
            assert before.value is not None
            assert after.value is not None
            gained[floor(after.moment, interval)] += (
                after.value - before.value if after.value >= before.value else after.value
            )
    return {moment: about(increase / interval.total_seconds()) for moment, increase in gained.items()}


def about(value: float) -> Any:
    return pytest.approx(value, rel=1e-9, abs=1e-6)


def summary(project: Project) -> dict[datetime, tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM system_metrics_service_summary WHERE project_id = %s", [project.pk])
        found = cursor.fetchall()
    assert all(row[2:4] == ("shop", "queue") for row in found)
    assert len({row[1] for row in found}) == len(found), "an hour came twice"
    return {row[1]: row[4:] for row in found}


def summed(points: Sequence[Sent]) -> dict[datetime, tuple[Any, ...]]:
    hour = timedelta(hours=1)
    hours = {floor(point.moment, hour) for point in points if not point.stale}
    columns = [charted(points, name, hour) for name in ("count", "avg", "min", "max", "p95")]
    return {moment: tuple(column.get(moment) for column in columns) for moment in hours}
