"""The admin's pages of metrics: found, read, never changed, never counted."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.distribution import Distribution
from metrics.models import MetricSeries
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient

SERIES = "/admin/metrics/metricseries/"
BUSINESS = "/admin/metrics/businessmetric/"
NOW = datetime.now(UTC)


def record(project: Project, *points: PointRecord) -> None:
    assert record_points(project.pk, points, NOW) == []


def page(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content[:500]
    return answer.content.decode()


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def test_series_are_listed_with_their_newest_value_and_its_age(admin: Client, project: Project) -> None:
    now = datetime.now(UTC)
    record(
        project,
        PointRecord(
            metric_name="cpu_usage", metric_value=10, host_name="web-1", timestamp=now - timedelta(hours=2)
        ),
        PointRecord(metric_name="cpu_usage", metric_value=71.54, host_name="web-1", metric_unit="percent",
                    timestamp=now - timedelta(minutes=5)),
        PointRecord(metric_name="gone", tags={"region": "eu"}, stale=True),
    )  # fmt: skip
    shown = page(admin, f"{SERIES}?project={project.pk}")
    assert "cpu_usage" in shown
    assert "71.5" in shown
    assert "5 min ago" in shown
    assert "region=eu" in shown
    assert "ended" in shown


def test_what_is_merely_counted_has_no_unit(admin: Client, project: Project) -> None:
    now = datetime.now(UTC)
    for value, minutes in ((7, 6), (8, 5)):
        at = now - timedelta(minutes=minutes, seconds=1)
        record(project, PointRecord(metric_name="jobs", metric_value=value, metric_unit="1", timestamp=at))
    series = MetricSeries.objects.get(name="jobs")
    text = " ".join(re.sub("<[^>]+>", " ", page(admin, f"{SERIES}{series.pk}/change/")).split())
    assert " 8 5 min ago Times in UTC" in re.sub(r"(ago) .*? (Times)", r"\1 \2", text)
    assert "Times in UTC" in text
    listed = " ".join(re.sub("<[^>]+>", " ", page(admin, f"{SERIES}?project={project.pk}")).split())
    assert " jobs 8 - 5 min ago " in listed


@pytest.mark.parametrize("term", ["cpu_usa", "checkout-api", "web-17"])
def test_series_are_found_by_part_of_name_service_or_host(admin: Client, project: Project, term: str) -> None:
    labels = {"service_name": "checkout-api", "host_name": "web-17"}
    record(
        project,
        PointRecord(metric_name="cpu_usage", metric_value=1, tags={**labels}),
        PointRecord(metric_name="other", metric_value=1),
    )
    shown = page(admin, f"{SERIES}?project={project.pk}&q={term}")
    assert "1 shown" in shown
    assert "web-17" in shown


def test_the_list_costs_the_same_for_one_series_and_for_forty_and_counts_nothing(
    admin: Client, project: Project
) -> None:
    costs = []
    for hosts in (1, 40):
        record(
            project,
            *[PointRecord(metric_name="x", metric_value=1, host_name=f"h{n}-{hosts}") for n in range(hosts)],
        )
        with CaptureQueriesContext(connection) as queries:
            page(admin, f"{SERIES}?project={project.pk}")
        costs.append(len(queries))
        assert not [query for query in queries if "COUNT(" in query["sql"]]
    assert costs[0] == costs[1]


def test_the_page_of_a_series_shows_labels_a_chart_and_a_table(admin: Client, project: Project) -> None:
    times = [NOW - timedelta(seconds=15 * n) for n in range(10)]
    record(
        project,
        *[
            PointRecord(
                metric_name="response_time",
                metric_unit="ms",
                tags={"route": "/pay<script>"},
                timestamp=time,
                distribution=Distribution.of([100.0] * 19 + [250.0]),
            )
            for time in times
        ],
    )
    series = MetricSeries.objects.get(project=project)
    shown = page(admin, f"{SERIES}{series.pk}/change/")
    assert "/pay&lt;script&gt;" in shown
    assert '<path class="line"' in shown
    assert "The last 10 points as a table" in shown
    assert "107.5" in shown or "108" in shown
    assert "name=&quot;_save&quot;" not in shown


def test_a_series_without_points_says_so(admin: Client, project: Project) -> None:
    series = MetricSeries.objects.create(
        id=2**62 + project.pk, project=project, name="empty", metric_type="gauge", unit="", labels={},
        fingerprint="00000000-0000-0000-0000-000000000000", created_at=NOW,
    )  # fmt: skip
    assert "No points are kept" in page(admin, f"{SERIES}{series.pk}/change/")


def test_business_metrics_are_listed_found_and_shown(
    admin: Client, api: ProjectClient, project: Project
) -> None:
    metric = {
        "metric_name": "revenue", "metric_value": 1234567, "currency": "EUR", "tenant_id": "t-42",
        "period_start": NOW.isoformat(), "period_end": NOW.isoformat(),
    }  # fmt: skip
    api.post("/api/v1/business-metrics", {"metrics": [metric]})
    (stored,) = api.results("/api/v1/business-metrics")
    for term in ("reven", "t-42", stored["id"]):
        shown = page(admin, f"{BUSINESS}?project={project.pk}&q={term}")
        assert "1.23 M" in shown, term
    assert "t-42" in page(admin, f"{BUSINESS}{stored['id']}/change/")


def test_members_see_the_metrics_of_their_project_only(project: Project, other_project: Project) -> None:
    member = member_client(project, "metrics.metricseries")
    record(project, PointRecord(metric_name="mine", metric_value=1))
    record(other_project, PointRecord(metric_name="theirs", metric_value=1))
    theirs = MetricSeries.objects.get(project=other_project)
    shown = page(member, SERIES)
    assert "mine" in shown
    assert "theirs" not in shown
    assert member.get(f"{SERIES}{theirs.pk}/change/").status_code == 302
    assert member.get(f"{SERIES}?project={other_project.pk}").status_code == 302


def test_nothing_can_be_added_changed_or_deleted(admin: Client, project: Project) -> None:
    record(project, PointRecord(metric_name="x", metric_value=1))
    series = MetricSeries.objects.get(project=project)
    for path in ("add/", f"{series.pk}/delete/"):
        assert admin.post(f"{SERIES}{path}", {"post": "yes"}).status_code == 403
    assert admin.post(f"{SERIES}{series.pk}/change/", {"name": "y"}).status_code == 403
    assert MetricSeries.objects.get(project=project).name == "x"
