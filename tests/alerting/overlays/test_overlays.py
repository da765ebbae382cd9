"""What a metric's chart gets to draw in: limits of the rules that watch it, and the times their alerts were open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from alerting.models import Alert
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.scenes import ERROR_RULE, make_rule, send_points, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

URL = "/admin/explore/overlays/"
NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def overlays(client: Client, project: Project, **parameters: str) -> dict[str, list[dict[str, Any]]]:
    query = {"project": str(project.pk), "metric_name": "cpu_usage", "range": "1h", **parameters}
    answer = client.get(URL, query)
    assert answer.status_code == 200, answer.content
    found: dict[str, list[dict[str, Any]]] = answer.json()
    return found


def test_rules_of_the_metric_are_limits_and_their_alerts_bands(
    admin: Client, project: Project, api: ProjectClient
) -> None:
    rule = make_rule(api, for_seconds=120, critical_threshold=95)
    make_rule(api, metric="memory_usage", name="Memory")
    make_rule(api, ERROR_RULE)
    for minute in (0, 1, 2, 3):
        send_points(api, [90], NOW + minute * MINUTE, host_name="web-1")
        tick(NOW + minute * MINUTE)
    found = overlays(admin, project)
    rule_url, alert_url = (
        f"/admin/alerting/rule/{rule.pk}/change/",
        f"/admin/alerting/alert/{Alert.objects.get().pk}/change/",
    )
    assert found["thresholds"] == [
        {"value": 80, "label": "High CPU Usage > 80", "state": "warning", "url": rule_url},
        {"value": 95, "label": "High CPU Usage > 95", "state": "critical", "url": rule_url},
    ]
    fired = (NOW + 2 * MINUTE).isoformat()
    pending, firing = found["bands"]
    assert (pending["start"], pending["end"], pending["state"]) == (NOW.isoformat(), fired, "quiet")
    assert (firing["start"], firing["state"], firing["url"]) == (fired, "warning", alert_url)
    assert firing["label"] == "High CPU Usage host_name=web-1: firing"


def test_only_what_fits_the_labels_is_drawn(admin: Client, project: Project, api: ProjectClient) -> None:
    make_rule(api, filters={"service_name": "api"}, group_by=None, name="of api")
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)

    def limits(**labels: str) -> list[str]:
        return [one["label"] for one in overlays(admin, project, **labels)["thresholds"]]

    assert limits() == limits(service_name="api") == ["High CPU Usage > 80", "of api > 80"]
    assert limits(service_name="web") == ["High CPU Usage > 80"]
    assert len(overlays(admin, project, host_name="web-1")["bands"]) == 1
    assert overlays(admin, project, **{"tags.host_name": "web-2"})["bands"] == []


def test_limits_of_another_aggregation_are_named_and_not_drawn(
    admin: Client, project: Project, api: ProjectClient
) -> None:
    make_rule(api)
    make_rule(api, aggregation="p95", name="Peaks")

    def labels(**chosen: str) -> tuple[list[str], list[str]]:
        found = overlays(admin, project, **chosen)
        return [one["label"] for one in found["thresholds"]], [one["label"] for one in found["others"]]

    assert labels(aggregation="avg") == (["High CPU Usage > 80"], ["Peaks: p95 > 80"])
    assert labels(aggregation="p95") == (["Peaks > 80"], ["High CPU Usage: avg > 80"])
    assert labels() == (["High CPU Usage > 80", "Peaks > 80"], [])


def test_limits_of_what_adds_up_are_drawn_only_where_points_stand_for_as_long(
    admin: Client, project: Project, api: ProjectClient
) -> None:
    make_rule(api, aggregation="sum", name="Jobs")
    make_rule(api, aggregation="max", name="Peaks")

    def drawn(aggregation: str, bucket_seconds: str) -> list[str]:
        found = overlays(admin, project, aggregation=aggregation, bucket_seconds=bucket_seconds)
        return [one["label"] for one in found["thresholds"]]

    assert drawn("sum", "300") == drawn("sum", "odd") == ["Jobs > 80"]
    assert drawn("sum", "60") == []
    assert drawn("max", "60") == ["Peaks > 80"]
    [other] = overlays(admin, project, aggregation="sum", bucket_seconds="60", metric_name="cpu_usage")[
        "others"
    ][:1]
    assert other["label"] == "Jobs: sum > 80"
    assert other["why"] == "threshold over 5 min, while a point here stands for 1 min: not drawn"


def test_a_disabled_rule_has_no_limit_but_its_past_is_shown(
    admin: Client, project: Project, api: ProjectClient
) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    api.patch(f"/api/v1/alert-rules/{rule.pk}/", {"enabled": False})
    found = overlays(admin, project)
    assert (found["thresholds"], len(found["bands"])) == ([], 1)


def test_alerts_outside_the_time_are_left_out(admin: Client, project: Project, api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    before = {"start": (NOW - 60 * MINUTE).isoformat(), "end": (NOW - MINUTE).isoformat()}
    assert overlays(admin, project, **before)["bands"] == []


def test_rules_that_compare_something_else_than_the_value_have_no_limit(
    admin: Client, project: Project, api: ProjectClient
) -> None:
    make_rule(api, rule_type="change", operator=">", threshold=50, group_by=None, aggregation="avg")
    assert overlays(admin, project)["thresholds"] == []


def test_it_is_for_those_who_see_the_project_and_its_alerts(project: Project, other_project: Project) -> None:
    assert member_client(project).get(URL, {"metric_name": "cpu_usage"}).status_code == 403
    seeing = member_client(project, "alerting.alert")
    assert seeing.get(URL, {"metric_name": "x", "project": str(other_project.pk)}).status_code == 404
    assert seeing.get(URL).status_code == 404
    assert seeing.get(URL, {"metric_name": "x", "range": "forever"}).status_code == 400


def test_rules_are_shown_to_those_who_may_view_rules_and_alerts_to_those_who_may_view_alerts(
    project: Project, api: ProjectClient
) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)

    def seen(*models: str) -> tuple[int, int]:
        found = overlays(member_client(project, *models), project)
        return len(found["thresholds"]) + len(found["others"]), len(found["bands"])

    assert seen("alerting.alert") == (0, 1)
    assert seen("alerting.rule") == (1, 0)
    assert seen("alerting.rule", "alerting.alert") == (1, 1)


def test_a_ratios_limit_is_percent(admin: Client, project: Project, api: ProjectClient) -> None:
    make_rule(api, threshold=0.05)
    send_points(api, [0.18], NOW, host_name="web-1", metric_unit="ratio")
    (limit,) = overlays(admin, project)["thresholds"]
    assert (limit["value"], limit["label"]) == (0.05, "High CPU Usage > 5 %")


def test_many_rules_cost_no_more_queries(
    admin: Client, project: Project, api: ProjectClient, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        make_rule(api, name=f"rule {number}")
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    overlays(admin, project)
    with django_assert_max_num_queries(5):
        assert len(overlays(admin, project)["bands"]) == 5
