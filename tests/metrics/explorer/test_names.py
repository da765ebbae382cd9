"""Browsing metrics: what is listed, found, left for the next page, and said where there is nothing."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from metrics.explorer import catalogue
from metrics.explorer.catalogue import PAGE_SIZE, Search
from metrics.metadata import forget_known
from metrics.models import MetricMetadata
from metrics.recording import record_points
from metrics.records import PointRecord
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.metrics.explorer.pages import get, page, record, words

HOSTILE = "<script>alert(1)</script>'\"{{ x }}"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def names(admin: Client, project: Project, **query: Any) -> str:
    return page(admin, project, panel="names", **query)


def test_a_metric_is_listed_with_all_that_is_known_of_it(admin: Client, project: Project) -> None:
    for host in ("web-1", "web-2"):
        record(project, "cpu_usage", [70], host_name=host, service_name="api", metric_unit="percent")
    record(project, "cpu_usage", [20], host_name="web-3", service_name="worker", metric_unit="percent")
    MetricMetadata.objects.create(
        project=project, metric_name="cpu_usage", metric_type="gauge", metric_unit="percent",
        description="How busy the host is.", updated_at=datetime.now(UTC),
    )  # fmt: skip
    forget_known()
    text = words(names(admin, project))
    assert "cpu_usage How busy the host is. gauge percent api , worker 3 2 min ago" in text


def test_what_was_last_seen_long_ago_is_said_to_be(admin: Client, project: Project) -> None:
    now = datetime.now(UTC)
    for name, age in (("old", timedelta(hours=20)), ("new", timedelta(hours=2))):
        point = PointRecord(metric_name=name, metric_value=1, timestamp=now - age)
        assert record_points(project.pk, [point], now) == []
    text = words(names(admin, project))
    assert "new gauge - - 1 2 h ago" in text
    assert "old gauge - - 1 20 h ago" in text
    later = catalogue.listed(project.pk, Search(), now + timedelta(days=8))
    assert [metric.last_seen for metric in later.metrics] == [None, None]


def test_metrics_are_found_by_part_of_their_name_and_by_service(admin: Client, project: Project) -> None:
    record(project, "Http_Requests", [1], service_name="api")
    record(project, "cpu_usage", [1], service_name="worker")
    assert "cpu_usage" not in names(admin, project, q="http_req")
    assert "Http_Requests" in names(admin, project, q="http_req")
    assert "Http_Requests" not in names(admin, project, service_name="worker")
    nothing = words(names(admin, project, q="%"))
    assert "No metric has “%” in its name. See all metrics" in nothing


def test_names_come_page_by_page_in_order(admin: Client, project: Project) -> None:
    now = datetime.now(UTC)
    points = [PointRecord(metric_name=f"m{number:03}", metric_value=1) for number in range(PAGE_SIZE + 2)]
    assert record_points(project.pk, points, now) == []
    first = names(admin, project)
    assert "m000" in first
    assert f"m{PAGE_SIZE:03}" not in first
    assert f"after=m{PAGE_SIZE - 1:03}" in first
    second = names(admin, project, after=f"m{PAGE_SIZE - 1:03}")
    assert f"m{PAGE_SIZE + 1:03}" in second
    assert "Next page" not in second
    assert "First page" in second


def test_without_metrics_it_says_how_to_send_one(admin: Client, project: Project) -> None:
    text = names(admin, project)
    assert "No metrics yet" in text
    assert "/api/v1/metrics" in text
    assert "queue_depth" in text


def test_hostile_names_are_text(admin: Client, project: Project) -> None:
    record(project, HOSTILE, [1], service_name=HOSTILE, tags={HOSTILE: HOSTILE})
    for query in ({"panel": "names"}, {"metric_name": HOSTILE}, {"metric_name": HOSTILE, "panel": "chart"}):
        answer = get(admin, project, group_by=HOSTILE, **query)
        assert answer.status_code == 200
        assert b"<script>alert" not in answer.content


def test_a_list_is_exported_as_it_is_shown(admin: Client, project: Project) -> None:
    record(project, "cpu_usage", [1], service_name="api", metric_unit="percent")
    record(project, "disk_usage", [1])
    answer = b"".join(get(admin, project, q="cpu", export="json").streaming_content)
    (row,) = json.loads(answer)
    assert (row["metric_name"], row["metric_unit"], row["services"], row["series"]) == (
        "cpu_usage", "percent", ["api"], 1,
    )  # fmt: skip
    text = b"".join(get(admin, project, export="csv").streaming_content).decode()
    assert [row["metric_name"] for row in csv.DictReader(io.StringIO(text))] == ["cpu_usage", "disk_usage"]


def test_only_members_who_may_see_series_see_a_project(
    admin: Client, project: Project, other_project: Project
) -> None:
    record(project, "cpu_usage", [1])
    member = member_client(project, "metrics.metricseries")
    assert "cpu_usage" in page(member, project, panel="names")
    assert get(member, other_project).status_code == 404
    assert get(member_client(project), project).status_code == 403
    assert "cpu_usage" not in page(admin, other_project, panel="names")


def test_the_questions_do_not_grow_with_the_metrics(admin: Client, project: Project) -> None:
    record(project, "a", [1])
    # The first one remembers the project in the session.
    page(admin, project)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            page(admin, project, panel="names")
        counts.append(len(asked))
        for number in range(30):
            record(project, f"b{number}", [1], host_name=f"h{number}")
    assert counts[0] == counts[1] <= 10
