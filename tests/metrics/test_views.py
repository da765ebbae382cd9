"""The SQL views that dashboards and people with psql read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from metrics.distribution import Distribution
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from tests.clients import ProjectClient

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)

COLUMNS = {
    "system_metrics": (
        "project_id metric_name metric_type service_name host_name instance_id metric_value metric_unit "
        "percentile_50 percentile_90 percentile_95 percentile_99 metric_timestamp tags"
    ),
    "system_metrics_service_summary": (
        "project_id hour service_name metric_name sample_count avg_value min_value max_value p95_value"
    ),
    "business_metrics_category_summary": (
        "project_id date metric_category currency metric_count total_value avg_value"
    ),
}


def rows(view: str, project: Project) -> list[dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view} WHERE project_id = %s", [project.pk])
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def record(project: Project, *points: PointRecord) -> None:
    assert record_points(project.pk, points, datetime.now(UTC)) == []


@pytest.mark.parametrize("view", COLUMNS)
def test_a_view_begins_with_the_promised_columns(db: None, view: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {view} LIMIT 0")
        names = [column.name for column in cursor.description or ()]
    promised = COLUMNS[view].split()
    assert names[: len(promised)] == promised


def test_system_metrics_has_a_row_per_point_with_its_labels(project: Project, other_project: Project) -> None:
    record(
        project,
        PointRecord(
            metric_name="cpu_usage", metric_unit="percent", metric_value=71.5, host_name="a", timestamp=HOUR,
            tags={"region": "eu"}, percentile_95=90.0,
        ),
        PointRecord(metric_name="cpu_usage", host_name="a", stale=True),
    )  # fmt: skip
    record(other_project, PointRecord(metric_name="cpu_usage", metric_value=1))
    (row,) = rows("system_metrics", project)
    assert (row["metric_value"], row["metric_unit"], row["percentile_95"]) == (71.5, "percent", 90.0)
    assert (row["metric_timestamp"], row["host_name"], row["service_name"]) == (HOUR, "a", None)
    assert row["tags"] in ({"region": "eu", "host_name": "a"}, '{"region": "eu", "host_name": "a"}')


def test_the_service_summary_has_the_nearest_rank_of_plain_values_within_one_percent(
    project: Project,
) -> None:
    points = [
        PointRecord(
            metric_name="queue",
            service_name="api",
            metric_value=value,
            timestamp=HOUR + timedelta(seconds=value),
        )
        for value in range(1, 101)
    ]
    record(project, *points)
    (row,) = rows("system_metrics_service_summary", project)
    assert (row["hour"], row["service_name"], row["metric_name"]) == (HOUR, "api", "queue")
    assert (row["sample_count"], row["avg_value"], row["min_value"], row["max_value"]) == (100, 50.5, 1, 100)
    assert row["p95_value"] == pytest.approx(95, rel=0.01)


def test_the_service_summary_adds_distributions_up(project: Project) -> None:
    slow, fast = Distribution.of([1000.0] * 10), Distribution.of([-5.0, 0.0, *[10.0] * 88])
    record(
        project,
        *[
            PointRecord(metric_name="response_time", distribution=part, timestamp=HOUR + timedelta(minutes=n))
            for n, part in enumerate([slow, fast, Distribution(), Distribution.of([5e-324])])
        ],
    )
    (row,) = rows("system_metrics_service_summary", project)
    assert (row["sample_count"], row["min_value"], row["max_value"]) == (101, -5, 1000)
    assert row["avg_value"] == pytest.approx((10_000 + 880 - 5) / 101)
    assert row["p95_value"] == pytest.approx(1000, rel=0.01)


def test_the_service_summary_takes_the_largest_of_given_percentiles(project: Project) -> None:
    record(
        project,
        *[
            PointRecord(
                metric_name="t", metric_value=1, percentile_95=given, timestamp=HOUR + timedelta(minutes=n)
            )
            for n, given in enumerate([10.0, 30.0, 20.0])
        ],
    )
    (row,) = rows("system_metrics_service_summary", project)
    assert row["p95_value"] == 30


def test_the_category_summary_adds_up_by_day_category_and_currency(
    api: ProjectClient, project: Project
) -> None:
    def metric(value: float, tenant: str, currency: str) -> dict[str, Any]:
        return {
            "metric_name": "revenue", "metric_category": "sales", "metric_value": value, "currency": currency,
            "tenant_id": tenant, "period_start": HOUR.isoformat(), "period_end": HOUR.isoformat(),
        }  # fmt: skip

    body = {"metrics": [metric(10, "a", "EUR"), metric(30, "b", "EUR"), metric(5, "c", "USD")]}
    assert api.post("/api/v1/business-metrics", body).json()["accepted"] == 3
    found = {row["currency"]: row for row in rows("business_metrics_category_summary", project)}
    euro = found["EUR"]
    assert (euro["date"], euro["metric_category"]) == (HOUR.date(), "sales")
    assert (euro["metric_count"], euro["total_value"], euro["avg_value"]) == (2, 40, 20)
    assert found["USD"]["total_value"] == 5
