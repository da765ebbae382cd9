"""The list of all notifications: who was told of what and why, by API and in the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from alerting.models import Attempt, Notification, NotificationChannel, NotificationStatus, Purpose
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.delivery_rows import make_alert, make_channel, make_notification
from tests.alerting.test_alerts_page import text_of
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

NOW = timezone.now().replace(microsecond=0)
LIST = "/admin/alerting/notification/"
MUTED: dict[str, Any] = {
    "status": NotificationStatus.MUTED,
    "reason": "silenced by ana",
    "muted_by": {"kind": "silence", "id": 3, "name": "team=shop"},
}


@pytest.fixture
def channel(project: Project) -> NotificationChannel:
    return make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})


@pytest.fixture
def rows(project: Project, channel: NotificationChannel) -> dict[str, Notification]:
    """One of each kind, told apart by name."""
    alert = make_alert(project, rule_name="Checkout errors")
    other = make_alert(project, rule_name="Disk full")
    return {
        "sent": make_notification(alert, channel, status=NotificationStatus.SENT, created_at=NOW),
        "muted": make_notification(other, channel, created_at=NOW - timedelta(days=2), **MUTED),
        "mail": make_notification(alert, None, Purpose.RESOLVED, recipient="ana@example.com", created_at=NOW),
    }


API_FILTERS = [
    ("", {"sent", "muted", "mail"}),
    ("channel=ops-slack", {"sent", "muted"}),
    ("channel=nothing", set()),
    ("status=muted", {"muted"}),
    ("purpose=resolved", {"mail"}),
    ("recipient=ana@example.com", {"mail"}),
    ("alert={alert}", {"sent", "mail"}),
    ("start={yesterday}", {"sent", "mail"}),
    ("end={yesterday}", {"muted"}),
]


@pytest.mark.parametrize(("query", "expected"), API_FILTERS, ids=[query for query, _ in API_FILTERS])
def test_the_api_filters_notifications(
    api: ProjectClient, rows: dict[str, Notification], query: str, expected: set[str]
) -> None:
    yesterday = (NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    filled = query.format(alert=rows["sent"].alert_id, yesterday=yesterday)
    found = api.results(f"/api/v1/notifications/?{filled}")
    assert {row["id"] for row in found} == {rows[name].pk for name in expected}


def test_a_row_says_why_and_by_what_it_was_muted_and_one_by_id_each_attempt(
    api: ProjectClient, rows: dict[str, Notification]
) -> None:
    muted = rows["muted"]
    Attempt.objects.create(
        notification=muted,
        at=NOW,
        status=NotificationStatus.FAILED,
        latency_ms=12,
        error="Slack answered 500",
    )
    (listed,) = api.results("/api/v1/notifications/?status=muted")
    assert (listed["reason"], listed["muted_by"]) == (muted.reason, muted.muted_by)
    assert "attempts" not in listed
    single = api.get(f"/api/v1/notifications/{muted.pk}/").json()
    assert [(one["status"], one["latency_ms"], one["error"]) for one in single["attempts"]] == [
        ("failed", 12.0, "Slack answered 500")
    ]


ADMIN_FILTERS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"sent", "muted", "mail"}),
    ({"status__exact": "muted"}, {"muted"}),
    ({"purpose__exact": "resolved"}, {"mail"}),
    ({"period": "1d"}, {"sent", "mail"}),
    ({"q": "disk"}, {"muted"}),
    ({"q": "ana@"}, {"mail"}),
    ({"channel": "nonsense"}, set()),
]


@pytest.mark.parametrize(("query", "expected"), ADMIN_FILTERS, ids=[str(query) for query, _ in ADMIN_FILTERS])
def test_the_admin_list_is_filtered_and_searched(
    project: Project, rows: dict[str, Notification], query: dict[str, Any], expected: set[str]
) -> None:
    answer = superuser_client().get(LIST, {"project": project.pk, **query})
    assert answer.status_code == 200
    assert {row.pk for row in answer.context["cl"].result_list} == {rows[name].pk for name in expected}


def test_the_channels_to_filter_by_are_those_of_the_project(
    project: Project, other_project: Project, rows: dict[str, Notification], channel: NotificationChannel
) -> None:
    make_channel(other_project, "slack", {"webhook_url": "https://hooks.example/x"}, name="theirs")
    client = superuser_client()
    assert "theirs-slack" not in client.get(LIST, {"project": project.pk}).content.decode()
    answer = client.get(LIST, {"project": project.pk, "channel": channel.pk})
    assert {row.pk for row in answer.context["cl"].result_list} == {rows["sent"].pk, rows["muted"].pk}


def test_each_row_says_why_and_leads_to_its_place_in_the_chain(
    project: Project, rows: dict[str, Notification]
) -> None:
    html = superuser_client().get(LIST, {"project": project.pk}).content.decode()
    assert "silenced by ana" in text_of(html)
    muted = rows["muted"]
    assert f'href="/admin/alerting/alert/{muted.alert_id}/why/#message-{muted.pk}"' in html


def test_the_page_of_one_shows_its_attempts(rows: dict[str, Notification]) -> None:
    sent = rows["sent"]
    Attempt.objects.create(
        notification=sent, at=NOW, status=NotificationStatus.FAILED, latency_ms=34, error="<b>no</b>"
    )
    html = superuser_client().get(f"{LIST}{sent.pk}/change/").content.decode()
    assert f"{NOW:%Y-%m-%d %H:%M:%S}" in text_of(html)
    assert "34 ms" in text_of(html)
    assert "<b>no</b>" not in html


@pytest.mark.parametrize("count", [2, 30])
def test_neither_list_asks_more_for_more_rows(
    api: ProjectClient,
    project: Project,
    channel: NotificationChannel,
    count: int,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(count):
        make_notification(make_alert(project), channel)
    client = member_client(project, "alerting.notification")
    client.get(LIST)
    with django_assert_max_num_queries(14) as admin_queries:
        client.get(LIST)
    assert not [one for one in admin_queries if "COUNT(" in one["sql"]]
    api.get("/api/v1/notifications/")
    with django_assert_max_num_queries(3):
        api.get("/api/v1/notifications/")
