"""What the admin says of one alert, also after its rule was edited or the alert is over."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerting.models import Alert, Rule
from tests.admin import superuser_client
from tests.alerting.scenes import edit, make_rule, send_points, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
MINUTE = timedelta(minutes=1)
LIST = "/admin/alerting/alert/"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def measure(api: ProjectClient, value: float, minute: float = 0) -> None:
    """One tick that sees this value alone."""
    at = NOW + minute * MINUTE
    send_points(api, [value], at, host_name="web-1")
    tick(at)


def text_of(html: str) -> str:
    """The words of a page."""
    without_code = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]*>", " ", html)
    return re.sub(r"\s+", " ", unescape(without_code))


def page_text(admin: Client) -> str:
    answer = admin.get(f"{LIST}{Alert.objects.get().pk}/change/")
    return text_of(answer.content.decode())


def list_text(admin: Client) -> str:
    return text_of(admin.get(f"{LIST}?status=all").content.decode())


def test_the_record_shows_the_alerts_own_values(admin: Client, api: ProjectClient) -> None:
    make_rule(api)
    measure(api, 92)
    alert = Alert.objects.get()
    when = f"{NOW:%Y-%m-%d %H:%M:%S}"
    record = f"Id {alert.pk} Fingerprint {alert.fingerprint} Pending since {when} Last evaluated {when}"
    assert record in page_text(admin)


def test_a_resolved_alert_is_told_as_history(admin: Client, api: ProjectClient) -> None:
    make_rule(api)
    measure(api, 90)
    measure(api, 98, 1)
    measure(api, 0, 9)
    page = page_text(admin)
    assert "What was wrong 94 > 80" in page
    assert "What is wrong" not in page
    assert f"Resolved {NOW + 9 * MINUTE:%Y-%m-%d %H:%M:%S} by rule tick" in page
    assert "94 (> 80)" in list_text(admin)


def test_a_value_that_has_come_back_while_the_alert_stays_is_not_called_wrong(
    admin: Client, api: ProjectClient
) -> None:
    make_rule(api, keep_firing_for_seconds=3600)
    measure(api, 90)
    measure(api, 20, 9)
    assert "What is wrong 20 no longer > 80 worst 90" in page_text(admin)
    assert "20 (no longer > 80)" in list_text(admin)


def test_a_past_alert_is_told_by_the_condition_it_fired_on(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    measure(api, 90)
    measure(api, 0, 9)
    edit(api, rule, condition_config={**rule.condition_config, "operator": "<", "threshold": 5})
    page = page_text(admin)
    assert "What was wrong 90 Fired on 90 > 80 Condition now avg cpu_usage of each host_name" in page
    assert "90 < " not in page
    assert "80 Owner" not in page
    assert "90 (" not in list_text(admin)


def test_the_operator_that_the_rule_leaves_to_its_type_is_shown(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    measure(api, 90)
    assert rule.condition_changed_at is None
    assert "What is wrong 90 > 80 Condition avg cpu_usage" in page_text(admin)


def channel(api: ProjectClient) -> None:
    body = {"name": "ops", "kind": "email", "config": {"recipients": ["ops@example.org"]}}
    assert api.post("/api/v1/notification-channels/", body).status_code == 201


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ({}, "Nobody was told: the rule had no channels when it fired. Choose who is told"),
        ({"for_seconds": 600}, "Nobody was told yet: a pending alert sends nothing."),
    ],
)
def test_the_page_says_why_nobody_was_told(
    admin: Client, api: ProjectClient, rule: dict[str, Any], told: str
) -> None:
    make_rule(api, **rule)
    measure(api, 90)
    assert told in page_text(admin)


def test_a_channel_that_came_after_the_alert_is_not_denied(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    measure(api, 90)
    channel(api)
    edit(api, rule, notification_channels=["ops"])
    page = page_text(admin)
    assert "Nobody was told: the rule had no channels when it fired." in page
    assert "Choose who is told" not in page


def test_a_pending_alert_that_was_resolved_by_hand_never_fired(admin: Client, api: ProjectClient) -> None:
    channel(api)
    make_rule(api, for_seconds=600, notification_channels=["ops"])
    measure(api, 90)
    alert = Alert.objects.get()
    admin.post(f"{LIST}{alert.pk}/resolve/")
    assert "Nobody was told: the alert never fired." in page_text(admin)


def test_the_list_says_who_acknowledged(admin: Client, api: ProjectClient) -> None:
    make_rule(api)
    measure(api, 90)
    alert = Alert.objects.get()
    admin.post(f"{LIST}{alert.pk}/acknowledge/")
    alert.refresh_from_db()
    page = list_text(admin)
    assert "Owner Acknowledged" in page
    assert f"by {alert.acknowledged_by}" in page


def test_a_rule_with_a_condition_that_can_not_be_read_still_shows_its_alerts(
    admin: Client, api: ProjectClient
) -> None:
    rule = make_rule(api)
    measure(api, 90)
    Rule.objects.filter(pk=rule.pk).update(condition_config={})
    assert "can't be used" in page_text(admin)
    assert "90" in list_text(admin)
