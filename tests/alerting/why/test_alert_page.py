"""What the alert's own page says at first sight: raised, flapping, muted, and the way to why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from alerting.models import (
    Alert,
    InhibitionRule,
    NotificationStatus,
    Rule,
    Severity,
    Silence,
    Transition,
    TransitionKind,
)
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import make_alert, make_channel, make_notification
from tests.alerting.test_alerts_page import text_of

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
HOUR = timedelta(hours=1)
CPU = {"metric": "cpu_usage", "operator": ">", "threshold": 80}


def html(alert: Alert) -> str:
    answer = superuser_client().get(f"/admin/alerting/alert/{alert.pk}/change/")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_leads_to_why(project: Project) -> None:
    alert = make_alert(project)
    assert f'href="/admin/alerting/alert/{alert.pk}/why/"' in html(alert)


def test_a_raised_and_flapping_alert_says_so_while_it_is_open(project: Project) -> None:
    alert = make_alert(project, is_critical=True, flapping_since=NOW - HOUR)
    Alert.objects.filter(pk=alert.pk).update(severity=Severity.CRITICAL)
    Transition.objects.create(
        project=project, alert=alert, at=NOW, kind=TransitionKind.SEVERITY, from_status="error",
        to_status="critical", actor="rule tick", reason="12 > 10",
    )  # fmt: skip
    text = text_of(html(alert))
    assert "trending_up raised" in text
    assert "swap_vert flapping" in text
    assert "Raised to critical 12 > 10 by rule tick" in text
    Alert.objects.filter(pk=alert.pk).update(status="resolved", resolved_at=NOW)
    assert "swap_vert flapping" not in text_of(html(alert))


@pytest.mark.parametrize(
    ("rule", "stays"),
    [
        ({"source_type": "system_metric", "rule_type": "metric_threshold", "condition_config": CPU}, True),
        (
            {"source_type": "system_metric", "rule_type": "metric_threshold", "condition_config": CPU}
            | {"no_data": "ok"},
            False,
        ),
        ({"no_data": "keep"}, False),
        ({"rule_type": "gone"}, False),
    ],
    ids=["metric, keep", "metric, ok", "a count has a 0 instead", "a type that is gone"],
)
def test_it_says_that_it_stays_without_data_where_that_can_happen(
    project: Project, rule: dict[str, object], stays: bool
) -> None:
    alert = make_alert(project)
    Rule.objects.filter(pk=alert.rule_id).update(**rule)
    assert ("Without data Stays as it is" in text_of(html(alert))) == stays
    Alert.objects.update(status="resolved", resolved_at=NOW)
    assert "Without data" not in text_of(html(alert))


def test_a_calm_alert_has_no_such_marks(project: Project) -> None:
    text = text_of(html(make_alert(project)))
    for mark in ("trending_up", "swap_vert", "notifications_off Silenced"):
        assert mark not in text


def test_a_silence_over_the_alert_is_named_and_linked_while_it_lasts(project: Project) -> None:
    alert = make_alert(project)
    silence = Silence.objects.create(
        project=project,
        matchers=['host_name="web-1"'],
        starts_at=NOW - HOUR,
        ends_at=NOW + HOUR,
        author="ana",
        comment="deploy",
    )
    page = html(alert)
    assert "Silenced by ana until" in text_of(page)
    assert f'href="/admin/alerting/silence/{silence.pk}/change/"' in page
    Silence.objects.update(ends_at=NOW - timedelta(minutes=1))
    assert "Silenced by ana" not in text_of(html(alert))


def test_an_inhibited_alert_names_the_rule_and_what_fires(project: Project) -> None:
    alert = make_alert(project, labels={"host_name": "web-1"})
    make_alert(project, rule_name="Host down", labels={"host_name": "web-1", "down": "1"})
    inhibition = InhibitionRule.objects.create(
        project=project,
        name="hosts",
        source_matchers=['down="1"'],
        target_matchers=['down=""'],
        equal_labels=["host_name"],
    )
    page = html(alert)
    assert "Inhibited by hosts: Host down fires" in text_of(page)
    assert f'href="/admin/alerting/inhibitionrule/{inhibition.pk}/change/"' in page


def test_a_muted_message_stands_in_the_timeline_with_its_reason(project: Project) -> None:
    alert = make_alert(project)
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    row = make_notification(alert, channel, status=NotificationStatus.MUTED, reason="silenced by ana")
    page = html(alert)
    assert "Firing notification muted ops-slack: silenced by ana" in text_of(page)
    assert f'href="/admin/alerting/alert/{alert.pk}/why/#message-{row.pk}"' in page


def test_why_tells_times_on_the_readers_clock(project: Project) -> None:
    alert = make_alert(project)
    Transition.objects.create(
        project=project, alert=alert, at=datetime(2026, 1, 31, 23, 30, tzinfo=UTC), kind=TransitionKind.STATUS,
        from_status="pending", to_status="firing", actor="rule tick", reason="12 > 10",
    )  # fmt: skip
    client = superuser_client()
    client.cookies["timezone"] = "Asia/Kolkata"
    text = text_of(client.get(f"/admin/alerting/alert/{alert.pk}/why/").content.decode())
    assert "What led to it? (Asia/Kolkata)" in text
    assert "2026-02-01 05:00:00" in text
