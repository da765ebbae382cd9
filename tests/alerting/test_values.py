"""Ratios are percent wherever a person reads them, by one function; programs keep getting the number."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from alerting.messages import build_message
from alerting.models import Alert, Notification, Rule, Transition
from alerting.values import PERCENT, value_text
from projects.figures import RATIO
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import make_channel, make_notification
from tests.alerting.inbox.scene import html
from tests.alerting.scenes import alerts, make_rule, send_events, send_points, tick, timeline
from tests.alerting.test_alerts_page import text_of
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.18, RATIO, "18 %"),
        (0.05, RATIO, "5 %"),
        (0.07, RATIO, "7 %"),
        (0.001234, RATIO, "0.1234 %"),
        (-0.5, RATIO, "-50 %"),
        (-60, PERCENT, "-60 %"),
        (0.18, "", "0.18"),
        (1900.0, "ms", "1900"),
        (math.inf, RATIO, "inf"),
        (1e300, RATIO, "1e+302 %"),
        (None, RATIO, "no data"),
    ],
)
def test_a_value_is_written_in_percent_where_its_unit_says_so(
    value: float | None, unit: str, text: str
) -> None:
    assert value_text(value, unit) == text


def make_ratio_rule(api: ProjectClient) -> Rule:
    condition = {
        "numerator": {"severity": "error"},
        "operator": ">",
        "threshold": 0.05,
        "critical_threshold": 0.9,
        "time_window_minutes": 5,
    }
    base = {"name": "Errors", "rule_type": "ratio", "source_type": "telemetry_event", "severity": "error"}
    return make_rule(api, {**base, "condition_config": condition})


def fire_ratio(api: ProjectClient) -> Alert:
    """18 of 100 events are errors, more than 5 %."""
    make_ratio_rule(api)
    send_events(api, 82, NOW)
    send_events(api, 18, NOW, severity="error")
    tick(NOW)
    return Alert.objects.get()


def test_every_page_and_message_says_percent(admin: Client, project: Project, api: ProjectClient) -> None:
    alert = fire_ratio(api)
    assert timeline(api, str(alert.pk))[0][-1] == "18 % > 5 % (among 100)"
    query = f"?project={project.pk}"
    pages = {
        "inbox": html(admin, project),
        "overview": admin.get(f"/admin/{query}&panel=alerts").content.decode(),
        "alert": admin.get(f"/admin/alerting/alert/{alert.pk}/change/").content.decode(),
        "why": admin.get(f"/admin/alerting/alert/{alert.pk}/why/").content.decode(),
        "list": admin.get(f"/admin/alerting/alert/{query}").content.decode(),
        "rules": admin.get("/admin/alerting/rule/").content.decode(),
    }
    for name, page in pages.items():
        text = text_of(page)
        assert "> 5 %" in text, name
        assert "0.05" not in text, name
    chart = admin.get(f"/admin/alerting/alert/{alert.pk}/change/?panel=chart").content.decode()
    assert "&gt; 5 %" in chart
    assert "18 %" in text_of(chart)

    (found,) = alerts(api)
    assert (found["value"], found["threshold"]) == (0.18, 0.05), "programs get the number"


def test_messages_say_percent_and_webhooks_the_number(project: Project, api: ProjectClient) -> None:
    alert = fire_ratio(api)
    channel = make_channel(project, "email", {"recipients": ["ana@example.com"]})
    row = make_notification(alert, channel)
    rows = Notification.objects.select_related("alert__rule", "project", "channel", "transition", "policy")
    message = build_message([rows.get(pk=row.pk)], now=NOW)
    assert (message.value, message.threshold) == ("18 %", "> 5 %")
    (part,) = message.alerts
    assert (part.value, part.value_text, part.threshold_text) == (0.18, "18 %", "5 %")


@pytest.mark.parametrize(
    ("metric", "unit", "threshold", "reason"),
    [
        ("cache_misses", "ratio", 0.05, "18 % > 5 %"),
        ("cache_miss_ratio", "", 0.05, "18 % > 5 %"),
        ("system.cpu.utilization", "1", 0.05, "18 % > 5 %"),
        ("cache_misses", "1", 0.05, "0.18 > 0.05"),
        ("cache_miss_ratio", "ms", 0.05, "0.18 > 0.05"),
    ],
)
def test_a_metric_is_percent_by_the_unit_it_is_sent_with_else_by_its_name(
    api: ProjectClient, metric: str, unit: str, threshold: float, reason: str
) -> None:
    make_rule(api, metric=metric, threshold=threshold)
    send_points(api, [0.18], NOW, metric_name=metric, metric_unit=unit, host_name="web-1")
    tick(NOW)
    assert Transition.objects.get().reason == reason


def test_a_metric_of_percents_is_not_made_percent_again(api: ProjectClient) -> None:
    make_rule(api, metric="cache_hit_ratio", operator="<", threshold=90)
    send_points(api, [85], NOW, metric_name="cache_hit_ratio", host_name="web-1")
    tick(NOW)
    assert Transition.objects.get().reason == "85 < 90"


@pytest.mark.parametrize("aggregation", ["count", "rate"])
def test_how_many_points_a_ratio_has_is_a_number(api: ProjectClient, aggregation: str) -> None:
    make_rule(api, metric="miss_ratio", operator=">=", threshold=0, aggregation=aggregation)
    send_points(api, [0.1, 0.2], NOW, metric_name="miss_ratio", metric_unit="ratio", host_name="web-1")
    tick(NOW)
    assert "%" not in Transition.objects.get().reason


def test_an_alert_that_ended_before_its_rule_became_a_ratio_keeps_its_number(
    admin: Client, project: Project, api: ProjectClient
) -> None:
    alert = fire_ratio(api)
    over = NOW + timedelta(minutes=1)
    Alert.objects.update(status="resolved", resolved_at=over, value=12, peak_value=12)
    Rule.objects.update(condition_changed_at=over + timedelta(minutes=1))
    assert "1200 %" not in admin.get(f"/admin/alerting/alert/{alert.pk}/change/").content.decode()
