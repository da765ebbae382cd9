"""The page "Alerting health": each number, each trouble with its page, nobody else's rows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import DjangoAssertNumQueries

from alerting import tasks
from alerting.models import Health, MissedSlots, NotificationStatus, Pulse, Rule, Silence
from projects.models import Project
from tests.admin import member_client, superuser_client
from tests.alerting.delivery_rows import make_alert, make_channel, make_notification
from tests.alerting.scenes import make_rule
from tests.alerting.test_alerts_page import text_of
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

URL = "/admin/alerting/health/"
HOUR = timedelta(hours=1)


def html(client: Client | None = None) -> str:
    answer = (client or superuser_client()).get(URL)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_platform_at_rest_says_that_all_is_well() -> None:
    tasks.evaluate_due_rules()
    tasks.deliver_due_notifications()
    text = text_of(html())
    for words in ("0 rules in", "no rule waits", "Missed slots 0", "no message waits", "All is well"):
        assert words in text
    assert "Heartbeat off" in text
    assert "stalled" not in text


def test_before_the_first_tick_it_says_so() -> None:
    assert "the rule tick has not run yet" in text_of(html())


def test_everything_that_needs_a_person_is_there_with_its_page(api: ProjectClient, project: Project) -> None:
    now = timezone.now()
    broken, late = make_rule(api, name="broken rule"), make_rule(api, name="late rule")
    Rule.objects.filter(pk=broken.pk).update(health=Health.UNHEALTHY, last_error="took too long")
    Rule.objects.filter(pk=late.pk).update(last_evaluated_at=now - 2 * HOUR, next_evaluation_at=now + HOUR)
    MissedSlots.objects.create(rule=late, hour=now - 2 * HOUR, count=40)
    MissedSlots.objects.create(rule=late, hour=now - 30 * HOUR, count=1000)
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    channel.broken_at, channel.broken_reason = now - HOUR, "Slack answered 404"
    channel.save()
    alert = make_alert(project)
    row = make_notification(
        alert,
        channel,
        status=NotificationStatus.FAILED,
        error="Slack answered 500",
        created_at=now - HOUR,
        next_attempt_at=now - HOUR,
    )
    Silence.objects.create(project=project, matchers=["a=b"], ends_at=now + HOUR, author="ana", comment="x")
    page = html()
    text = text_of(page)
    for words in (
        "A rule was due 1 h ago.",
        "broken rule took too long",
        "late rule evaluated every 1 min",
        "late rule 40 in 24 h",
        "ops-slack Slack answered 404",
        "High Error Rate to ops-slack Slack answered 500",
        "Oldest undelivered 1 h ago",
        "Silences 1 active now",
    ):
        assert words in text
    for link in (
        f"/admin/alerting/rule/{broken.pk}/change/",
        f"/admin/alerting/rule/{late.pk}/change/",
        f"/admin/alerting/notificationchannel/{channel.pk}/change/",
        f"/admin/alerting/alert/{alert.pk}/why/#message-{row.pk}",
    ):
        assert f'href="{link}"' in page


def test_a_tick_that_stalls_is_said_first(api: ProjectClient) -> None:
    tasks.evaluate_due_rules()
    Pulse.objects.update(last_at=timezone.now() - timedelta(seconds=50))
    assert "stalled The last rule tick was 50 s ago." in text_of(html())


def test_members_see_their_own_rules_only(
    api: ProjectClient, other_project: Project, project: Project
) -> None:
    rule = make_rule(api, name="ours")
    Rule.objects.filter(pk=rule.pk).update(health=Health.UNHEALTHY, last_error="took too long")
    assert "took too long" in html(member_client(project, "alerting.rule"))
    assert "took too long" not in html(member_client(other_project, "alerting.rule"))
    assert member_client(project).get(URL).status_code == 403
    assert Client().get(URL).status_code == 302


def test_the_number_of_queries_does_not_grow_with_what_is_wrong(
    project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    client = superuser_client()
    channel = make_channel(project, "slack", {"webhook_url": "https://hooks.example/x"})
    for _ in range(8):
        make_notification(make_alert(project), channel)
    html(client)
    with django_assert_max_num_queries(22):
        html(client)
