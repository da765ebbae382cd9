"""Telemetry in, ticks, alerts out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerting.evaluation import evaluate_due
from alerting.models import Alert, Rule
from tests.alerting.scenes import (
    ERROR_RULE,
    alerts,
    edit,
    make_rule,
    send_business,
    send_events,
    send_points,
    statuses,
    tick,
    timeline,
)
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)


def test_a_rule_fires_for_the_host_that_is_hot_and_for_no_other(api: ProjectClient) -> None:
    rule = make_rule(api)
    send_points(api, [90, 96], NOW, host_name="web-1")
    send_points(api, [20, 30], NOW, host_name="web-2")
    assert tick(NOW).change_count == 1
    (alert,) = alerts(api)
    assert alert["labels"] == {"host_name": "web-1"}
    assert (alert["status"], alert["value"], alert["threshold"]) == ("firing", 93, 80)
    assert (alert["rule"], alert["rule_name"], alert["severity"]) == (rule.pk, "High CPU Usage", "warning")
    assert timeline(api, alert["id"]) == [("", "firing", "rule tick", "93 > 80")]


def test_an_alert_resolves_when_its_condition_clears(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    send_points(api, [10], NOW + 6 * MINUTE, host_name="web-1")
    tick(NOW + 6 * MINUTE)
    (alert,) = alerts(api)
    assert alert["status"] == "resolved"
    assert timeline(api, alert["id"])[-1] == ("firing", "resolved", "rule tick", "10 is no longer > 80")


def test_a_pending_alert_fires_after_its_time_or_vanishes(api: ProjectClient) -> None:
    make_rule(api, for_seconds=60)
    send_points(api, [90], NOW, host_name="web-1")
    send_points(api, [90], NOW, host_name="web-2")
    tick(NOW)
    assert statuses(api) == {"host_name=web-1": "pending", "host_name=web-2": "pending"}
    send_points(api, [0, 0, 0], NOW + MINUTE, host_name="web-2")
    tick(NOW + MINUTE)
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_the_window_takes_its_end_and_leaves_its_start_out(api: ProjectClient) -> None:
    make_rule(api, aggregation="count", operator="==", threshold=1, group_by=None)
    send_points(api, [1], NOW - 5 * MINUTE)
    send_points(api, [2], NOW)
    send_points(api, [3], NOW + MINUTE)
    tick(NOW)
    assert statuses(api) == {"": "firing"}


def test_another_projects_telemetry_does_not_count(api: ProjectClient, other_api: ProjectClient) -> None:
    make_rule(api)
    make_rule(other_api)
    send_points(api, [90], NOW, host_name="web-1")
    send_points(other_api, [10], NOW, host_name="web-1")
    tick(NOW)
    assert statuses(api) == {"host_name=web-1": "firing"}
    assert statuses(other_api) == {}


def test_filters_choose_series_and_every_label_can_be_kept(api: ProjectClient) -> None:
    make_rule(api, group_by=["*"], filters={"service_name": "api", "tags.cores": 4})
    send_points(api, [90], NOW, host_name="web-1", service_name="api", tags={"cores": 4})
    send_points(api, [90], NOW, host_name="web-1", service_name="api", tags={"cores": 8})
    send_points(api, [90], NOW, host_name="web-1", service_name="shop", tags={"cores": 4})
    tick(NOW)
    (alert,) = alerts(api)
    assert alert["labels"] == {"host_name": "web-1", "service_name": "api", "cores": "4"}


def test_events_are_counted_by_name_column_tag_and_property(api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE, name="all")
    make_rule(api, ERROR_RULE, name="tagged", filters={"tags.region": "eu", "properties.code": 500})
    make_rule(api, ERROR_RULE, name="each", group_by=["user_id"])
    make_rule(api, ERROR_RULE, name="other", event_type="page_view")
    send_events(api, 2, NOW, user_id="ana", tags={"region": "eu"}, properties={"code": 500})
    send_events(api, 3, NOW, user_id="ben", tags={"region": "us"}, properties={"code": 500})
    tick(NOW)
    assert {(alert["rule_name"], str(alert["labels"]), alert["value"]) for alert in alerts(api)} == {
        ("all", "{}", 5),
        ("each", "{'user_id': 'ben'}", 3),
    }


def test_a_count_falls_to_zero_also_for_a_label_set_without_rows(api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE, group_by=["user_id"])
    send_events(api, 3, NOW, user_id="ana")
    tick(NOW)
    tick(NOW + 6 * MINUTE)
    assert statuses(api) == {"user_id=ana": "resolved"}


def test_too_few_events_are_noticed_without_a_single_one(api: ProjectClient) -> None:
    make_rule(api, ERROR_RULE, event_type="heartbeat", operator="<", threshold=1)
    tick(NOW)
    (alert,) = alerts(api)
    assert (alert["labels"], alert["value"]) == ({}, 0)


@pytest.mark.parametrize(
    ("no_data", "expected"),
    [
        ("keep", {"host_name=web-1": "firing"}),
        ("ok", {"host_name=web-1": "resolved"}),
        ("alert", {"host_name=web-1": "firing", "host_name=web-2": "firing"}),
    ],
)
def test_no_data_is_what_the_rule_says(api: ProjectClient, no_data: str, expected: dict[str, str]) -> None:
    make_rule(api, no_data=no_data)
    send_points(api, [90], NOW, host_name="web-1")
    send_points(api, [10], NOW, host_name="web-2")
    tick(NOW)
    tick(NOW + 6 * MINUTE)
    assert statuses(api) == expected


def test_a_host_that_went_silent_counts_zero_points(api: ProjectClient) -> None:
    make_rule(api, aggregation="count", operator="<", threshold=1)
    send_points(api, [10], NOW, host_name="web-1")
    send_points(api, [10], NOW + 6 * MINUTE, host_name="web-2")
    tick(NOW + 6 * MINUTE)
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_an_error_in_one_rule_leaves_the_others_of_its_group_alone(api: ProjectClient) -> None:
    bad = make_rule(api, metric="huge")
    good = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    send_points(api, [1.7e308, 1.7e308], NOW, metric_name="huge", host_name="web-1")
    assert tick(NOW).unhealthy_count == 1
    for rule in (bad, good):
        rule.refresh_from_db()
    assert bad.health == "unhealthy"
    assert bad.last_error == "The query failed: value out of range: overflow"
    assert bad.last_evaluated_at is None
    assert (good.health, good.last_error, good.last_evaluated_at) == ("ok", "", NOW)
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_an_error_keeps_open_alerts_and_health_recovers(api: ProjectClient) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    condition = rule.condition_config
    Rule.objects.filter(pk=rule.pk).update(condition_config={"metric": 5})
    tick(NOW + 6 * MINUTE)
    rule.refresh_from_db()
    assert rule.health == "unhealthy"
    assert rule.last_error.startswith("The condition can't be used: ")
    assert statuses(api) == {"host_name=web-1": "firing"}
    Rule.objects.filter(pk=rule.pk).update(condition_config=condition)
    tick(NOW + 7 * MINUTE)
    rule.refresh_from_db()
    assert rule.health == "ok"


def test_more_alerts_than_anybody_could_read_are_an_error_of_the_rule(api: ProjectClient) -> None:
    rule = make_rule(api, ERROR_RULE, group_by=["user_id"], threshold=1)
    events = [
        {
            "event_name": "failed",
            "event_type": "error_event",
            "timestamp": NOW.isoformat(),
            "user_id": str(user),
        }
        for user in range(1001)
    ]
    api.post("/api/v1/events", {"events": events})
    tick(NOW)
    rule.refresh_from_db()
    assert rule.health == "unhealthy"
    assert "true for 1001 label sets, more than 1000" in rule.last_error
    assert not Alert.objects.filter(rule=rule).exists()


def test_an_evaluation_at_or_before_the_last_one_changes_nothing(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    send_points(api, [0], NOW - 6 * MINUTE, host_name="web-1")
    assert tick(NOW - 6 * MINUTE).change_count == 0
    assert tick(NOW).change_count == 0
    assert statuses(api) == {"host_name=web-1": "firing"}


def test_late_ticks_are_counted_and_never_replayed(api: ProjectClient) -> None:
    rule = make_rule(api, evaluation_interval_seconds=60)
    Rule.objects.filter(pk=rule.pk).update(next_evaluation_at=NOW)
    assert evaluate_due(NOW + timedelta(seconds=200)).rule_count == 1
    rule.refresh_from_db()
    assert rule.missed_evaluation_count == 3
    assert rule.next_evaluation_at == NOW + timedelta(seconds=240)
    assert evaluate_due(NOW + timedelta(seconds=201)).rule_count == 0


def test_a_resolve_by_hand_holds_until_the_condition_was_false_once(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    (alert,) = alerts(api)
    assert api.post(f"/api/v1/alerts/{alert['id']}/resolve/", {"note": "known"}).status_code == 200
    tick(NOW + MINUTE)
    assert [one["status"] for one in alerts(api)] == ["resolved"]
    send_points(api, [0, 0, 0], NOW + 3 * MINUTE, host_name="web-1")
    tick(NOW + 3 * MINUTE)
    send_points(api, [99] * 15, NOW + 9 * MINUTE, host_name="web-1")
    tick(NOW + 9 * MINUTE)
    assert [one["status"] for one in alerts(api)] == ["firing", "resolved"]


def test_an_acknowledged_alert_resolves_by_itself(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    (alert,) = alerts(api)
    assert api.post(f"/api/v1/alerts/{alert['id']}/acknowledge/", {}).status_code == 200
    tick(NOW + MINUTE)
    assert statuses(api) == {"host_name=web-1": "acknowledged"}
    send_points(api, [0], NOW + 6 * MINUTE, host_name="web-1")
    tick(NOW + 6 * MINUTE)
    assert statuses(api) == {"host_name=web-1": "resolved"}


def test_editing_the_condition_resolves_what_no_longer_exists_and_keeps_the_rest(api: ProjectClient) -> None:
    rule = make_rule(api)
    for host in ("web-1", "web-2"):
        send_points(api, [90], NOW, host_name=host)
    tick(NOW)
    edit(
        api,
        rule,
        condition_config={**rule.condition_config, "filters": {"host_name": "web-1"}, "threshold": 85},
    )
    tick(timezone.now())
    assert statuses(api) == {"host_name=web-1": "firing", "host_name=web-2": "resolved"}
    gone, kept = sorted(alerts(api), key=lambda alert: str(alert["status"]), reverse=True)
    assert timeline(api, gone["id"])[-1][3] == "the rule was edited and no longer covers it"
    assert kept["threshold"] == 85


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"threshold": 150}, "firing"),
        ({"time_window_minutes": 2}, "firing"),
        ({"aggregation": "max", "operator": "<="}, "firing"),
        ({"filters": {"region": "eu"}}, "resolved"),
        ({"group_by": ["region"]}, "resolved"),
    ],
)
def test_an_edit_that_keeps_the_label_sets_keeps_what_is_held_without_data(
    api: ProjectClient, changes: dict[str, Any], expected: str
) -> None:
    rule = make_rule(
        api,
        source_type="business_metric",
        metric="revenue",
        operator="<",
        threshold=100,
        group_by=["tenant_id"],
    )
    send_business(api, 30, NOW, tenant_id="a")
    tick(NOW)
    tick(NOW + 6 * MINUTE)
    edit(api, rule, condition_config={**rule.condition_config, **changes})
    tick(timezone.now())
    assert statuses(api) == {"tenant_id=a": expected}


def test_another_grouping_resolves_the_alerts_of_the_former_one(api: ProjectClient) -> None:
    rule = make_rule(api)
    recent = timezone.now()
    send_points(api, [90], recent, host_name="web-1")
    tick(timezone.now())
    condition = {name: value for name, value in rule.condition_config.items() if name != "group_by"}
    edit(api, rule, condition_config=condition)
    tick(timezone.now())
    assert statuses(api) == {"": "firing", "host_name=web-1": "resolved"}


@pytest.mark.parametrize(
    ("how", "reason"), [("disable", "the rule was disabled"), ("delete", "the rule was deleted")]
)
def test_disabling_or_deleting_a_rule_resolves_its_alerts(api: ProjectClient, how: str, reason: str) -> None:
    rule = make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW)
    if how == "disable":
        edit(api, rule, enabled=False)
    else:
        assert api.delete(f"/api/v1/alert-rules/{rule.pk}/").status_code == 204
    (alert,) = alerts(api)
    assert alert["status"] == "resolved"
    assert timeline(api, alert["id"])[-1] == ("firing", "resolved", "api key test", reason)
    assert tick(NOW + MINUTE).rule_count == 0
