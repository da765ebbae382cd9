"""What a rule's settings do in a tick: late data, errors as alerts, two severities, flapping, clocks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from alerting.evaluation import evaluate_due
from alerting.models import Alert, Rule, Transition
from alerting.state import FLAP_CALM, FLAP_FIRINGS
from tests.alerting.scenes import edit, make_rule, send_business, send_points, statuses, tick
from tests.alerting.test_rule_faults import REVENUE, break_metric
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(hours=2)
MINUTE = timedelta(minutes=1)


def test_a_delayed_rule_looks_at_a_window_that_ended_before(api: ProjectClient) -> None:
    make_rule(api, time_window_minutes=1, evaluation_delay_seconds=300)
    send_points(api, [90], NOW, host_name="web-1")
    tick(NOW + MINUTE)
    assert list(statuses(api).values()) == []
    tick(NOW + 5 * MINUTE)
    assert list(statuses(api).values()) == ["firing"]
    evidence = Transition.objects.get().evidence or {}
    assert evidence["window_end"] == NOW.isoformat()
    assert evidence["evaluated_at"] == (NOW + 5 * MINUTE).isoformat()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"evaluation_delay_seconds": -1}, "evaluation_delay_seconds"),
        ({"evaluation_delay_seconds": 100_000}, "evaluation_delay_seconds"),
        ({"on_error": "explode"}, "on_error"),
        ({"severity": "critical"}, "severity"),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(
    api: ProjectClient, changes: dict[str, Any], field: str
) -> None:
    rule = make_rule(api, critical_threshold=95)
    answer = api.patch(f"/api/v1/alert-rules/{rule.pk}/", changes)
    assert (answer.status_code, list(answer.json()["errors"])) == (400, [field])


@pytest.mark.parametrize(("operator", "critical"), [(">", 80), (">", 70), ("<", 90), ("==", 95)])
def test_a_critical_threshold_must_be_worse_than_the_first(
    api: ProjectClient, operator: str, critical: float
) -> None:
    answer = api.post(
        "/api/v1/alert-rules/",
        {
            "name": "CPU",
            "rule_type": "metric_threshold",
            "source_type": "system_metric",
            "condition_config": {
                "metric": "cpu_usage",
                "operator": operator,
                "threshold": 80,
                "critical_threshold": critical,
            },
        },
    )
    assert answer.status_code == 400
    assert list(answer.json()["errors"]["condition_config"]) == ["critical_threshold"]


def test_one_rule_warns_and_then_is_critical(api: ProjectClient) -> None:
    make_rule(api, critical_threshold=95, time_window_minutes=1)
    for minute, value in enumerate([90, 97, 90]):
        send_points(api, [value], NOW + minute * MINUTE, host_name="web-1")
        tick(NOW + minute * MINUTE)
        alert = Alert.objects.get()
        is_critical = value == 97
        assert (alert.status, alert.severity, alert.threshold) == (
            "firing",
            "critical" if is_critical else "warning",
            95 if is_critical else 80,
        )
    lines = [(one.kind, one.from_status, one.to_status) for one in Transition.objects.order_by("at")]
    assert lines == [
        ("status", "", "firing"),
        ("severity", "warning", "critical"),
        ("severity", "critical", "warning"),
    ]


def test_an_edit_of_the_severity_leaves_a_critical_alert_critical(api: ProjectClient) -> None:
    rule = make_rule(api, critical_threshold=95)
    send_points(api, [97], NOW, host_name="web-1")
    tick(NOW)
    edit(api, rule, severity="error")
    assert Alert.objects.get().severity == "critical"


def test_a_rule_that_cannot_be_evaluated_may_raise_an_alert_about_itself(api: ProjectClient) -> None:
    rule = make_rule(api, **REVENUE, metric="revenue", on_error="alert")
    send_business(api, 30, NOW)
    tick(NOW)
    assert list(statuses(api).values()) == ["firing"]
    Rule.objects.filter(pk=rule.pk).update(condition_config={"metric": "revenue"})
    tick(NOW + MINUTE)
    tick(NOW + 2 * MINUTE)
    broken = Alert.objects.get(labels={"rule_health": "unhealthy"})
    assert broken.status == "firing"
    assert broken.transitions.get().reason.startswith("the rule can't be evaluated: ")
    assert sorted(statuses(api).values()) == ["firing", "firing"]
    Rule.objects.filter(pk=rule.pk).update(condition_config=rule.condition_config)
    tick(NOW + 3 * MINUTE)
    broken.refresh_from_db()
    assert broken.status == "resolved"
    last = broken.transitions.last()
    assert last
    assert last.reason == "the rule can be evaluated again"


def test_by_default_a_rule_that_cannot_be_evaluated_only_becomes_unhealthy(api: ProjectClient) -> None:
    make_rule(api, **REVENUE, metric="revenue")
    break_metric("revenue", metric_value="fail('54011')")
    send_business(api, 30, NOW)
    tick(NOW)
    assert list(statuses(api).values()) == []
    assert Rule.objects.get().health == "unhealthy"


def test_an_alert_that_keeps_coming_and_going_is_told_as_flapping_and_then_stays(api: ProjectClient) -> None:
    make_rule(api, time_window_minutes=1)
    minute = 0
    for _ in range(FLAP_FIRINGS):
        for value in (90, 10):
            send_points(api, [value], NOW + minute * MINUTE, host_name="web-1")
            tick(NOW + minute * MINUTE)
            minute += 1
    last = Alert.objects.order_by("-triggered_at")[0]
    assert (last.status, last.flapping_since is not None) == ("firing", True)
    assert "flapping: fired 4 times in 30 min" in last.transitions.get().reason
    calm_at = NOW + minute * MINUTE + FLAP_CALM
    send_points(api, [10], calm_at, host_name="web-1")
    tick(calm_at)
    last.refresh_from_db()
    assert last.status == "resolved"


def test_a_clock_that_was_ahead_stops_no_rule(api: ProjectClient) -> None:
    make_rule(api)
    send_points(api, [90], NOW, host_name="web-1")
    ahead = NOW + timedelta(days=30)
    Rule.objects.update(last_evaluated_at=ahead, next_evaluation_at=ahead + MINUTE)
    assert evaluate_due(NOW).change_count == 1
    rule = Rule.objects.get()
    assert (rule.last_evaluated_at, rule.next_evaluation_at) == (NOW, NOW + MINUTE)
    assert rule.missed_evaluation_count == 0
