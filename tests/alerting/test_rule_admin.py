"""Rules in the admin: a form with plain fields, and a list that says what each rule watches."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from alerting.models import Alert, NotificationChannel, Rule
from projects.models import Project
from tests.alerting.scenes import make_rule, send_points, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

ADD = "/admin/alerting/rule/add/"
LIST = "/admin/alerting/rule/"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser(username="ada", password="x"))
    return client


@pytest.fixture
def member(project: Project) -> Client:
    """A staff user who sees `project` only."""
    user = get_user_model().objects.create_user(username="ben", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="alerting"))
    project.members.add(user)
    client = Client()
    client.force_login(user)
    return client


def entered(project: Project, /, **changes: Any) -> dict[str, Any]:
    """What a person fills in for a CPU rule."""
    fields = {
        "name": "High CPU Usage",
        "project": project.pk,
        "enabled": "on",
        "watch": "metric_threshold:system_metric",
        "metric": "cpu_usage",
        "aggregation": "avg",
        "group_by": "host_name, region",
        "filters": "service_name=api\nenv = prod",
        "time_window_minutes": "5",
        "operator": ">",
        "threshold": "80",
        "for_seconds": "0",
        "keep_firing_for_seconds": "0",
        "no_data": "keep",
        "severity": "warning",
        "evaluation_interval_seconds": "60",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, "the form was accepted"
    return dict(answer.context["adminform"].form.errors)


def test_a_metric_rule_is_made_from_plain_fields(admin: Client, project: Project) -> None:
    channel = NotificationChannel(project=project, name="ops", kind="email")
    channel.config = {"recipients": ["ops@example.org"]}
    channel.save()
    answer = admin.post(ADD, entered(project, channels=[channel.pk], emails="a@example.org, b@example.org"))
    assert answer.status_code == 302, errors_of(answer)
    rule = Rule.objects.get()
    assert rule.condition_config == {
        "metric": "cpu_usage",
        "operator": ">",
        "threshold": 80.0,
        "time_window_minutes": 5.0,
        "aggregation": "avg",
        "group_by": ["host_name", "region"],
        "filters": {"service_name": "api", "env": "prod"},
    }
    assert list(rule.channels.all()) == [channel]
    assert rule.notification_config == {"email": ["a@example.org", "b@example.org"]}


def test_an_event_rule_ignores_the_fields_of_other_types(admin: Client, project: Project) -> None:
    changes = {
        "watch": "event_frequency:telemetry_event",
        "events": '{"event_type": "error_event"}',
        "operator": ">=",
    }
    answer = admin.post(ADD, entered(project, group_by="", filters="", **changes))
    assert answer.status_code == 302, errors_of(answer)
    assert Rule.objects.get().condition_config == {
        "event_type": "error_event",
        "operator": ">=",
        "threshold": 80.0,
        "time_window_minutes": 5.0,
    }


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"metric": ""}, "metric", "This field is required."),
        ({"threshold": ""}, "threshold", "This field is required."),
        (
            {"time_window_minutes": "0"},
            "time_window_minutes",
            "Must be more than 0 and at most 10080 (a week).",
        ),
        ({"filters": "service_name"}, "filters", "Write one key=value per line; 'service_name' is not."),
        ({"recovery_threshold": "90"}, "recovery_threshold", "Must not be above the threshold"),
        ({"emails": "nobody"}, "emails", "'nobody' is not an address."),
        ({"slack_channel": "#shop"}, "slack_channel", "only with a channel that has a bot token"),
        (
            {"watch": "metric_threshold:trace", "group_by": "", "filters": ""},
            "metric",
            "Must be one of duration_ms",
        ),
        ({"evaluation_interval_seconds": "0"}, "evaluation_interval_seconds", "greater than or equal to 1"),
        ({"project": None}, "project", "This field is required."),
    ],
)
def test_an_error_stands_at_its_field(
    admin: Client, project: Project, changes: dict[str, Any], field: str, message: str
) -> None:
    errors = errors_of(admin.post(ADD, entered(project, **changes)))
    assert list(errors) == [field]
    assert message in errors[field][0]
    assert not Rule.objects.exists()


def test_a_saved_rule_comes_back_into_its_form(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api, filters={"service_name": "api"}, notification_config={"email": ["a@example.org"]})
    form = admin.get(f"{LIST}{rule.pk}/change/").context["adminform"].form
    shown = {
        name: form[name].value() for name in ("watch", "metric", "threshold", "emails", "filters", "group_by")
    }
    assert shown == {
        "watch": "metric_threshold:system_metric",
        "metric": "cpu_usage",
        "threshold": 80,
        "emails": "a@example.org",
        "filters": "service_name=api",
        "group_by": "host_name",
    }


def test_an_edit_leaves_the_ticks_own_columns_alone(
    admin: Client, api: ProjectClient, project: Project
) -> None:
    rule = make_rule(api)
    now = timezone.now()
    tick(now)
    answer = admin.post(f"{LIST}{rule.pk}/change/", entered(project, project=None, name="Hot"))
    assert answer.status_code == 302, errors_of(answer)
    rule.refresh_from_db()
    assert (rule.name, rule.last_evaluated_at) == ("Hot", now)


def test_the_list_says_what_a_rule_watches(admin: Client, api: ProjectClient) -> None:
    make_rule(api, filters={"service_name": "api"})
    page = admin.get(LIST).content.decode()
    assert "avg cpu_usage of each host_name where service_name is api over 5 min &gt; 80" in page


def test_an_unhealthy_rule_shows_why(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    Rule.objects.filter(pk=rule.pk).update(condition_config={"metric": "cpu_usage"})
    tick(timezone.now())
    page = admin.get(LIST).content.decode()
    assert "unhealthy" in page
    assert "threshold: This key is required." in page


def test_the_page_of_a_rule_says_how_it_fares(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    path = f"{LIST}{rule.pk}/change/"
    assert "not evaluated yet" in admin.get(path).content.decode()
    now = timezone.now()
    send_points(api, [90], now, host_name="web-1")
    tick(now)
    Rule.objects.filter(pk=rule.pk).update(missed_evaluation_count=7, last_evaluation_duration_ms=12.5)
    page = admin.get(path).content.decode()
    for text in (f"{now:%Y-%m-%d %H:%M:%S}", "12.5 ms", "<dd>7</dd>", "1 open alert", "avg cpu_usage"):
        assert text in page
    link = f"/admin/alerting/alert/?project={rule.project_id}&amp;rule__id__exact={rule.pk}"
    assert f'href="{link}"' in page
    assert "web-1" in admin.get(link.replace("&amp;", "&")).content.decode()


def test_the_page_of_an_unhealthy_rule_says_why(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    Rule.objects.filter(pk=rule.pk).update(condition_config={"metric": "cpu_usage"})
    tick(timezone.now())
    page = admin.get(f"{LIST}{rule.pk}/change/").content.decode()
    assert "unhealthy" in page
    assert "threshold: This key is required." in page


def test_deleting_keeps_the_history_and_resolves_open_alerts(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    now = timezone.now()
    send_points(api, [90], now, host_name="web-1")
    tick(now)
    admin.post(f"{LIST}{rule.pk}/delete/", {"post": "yes"})
    rule.refresh_from_db()
    assert rule.deleted_at is not None
    alert = Alert.objects.get(rule=rule)
    last = alert.transitions.last()
    assert last
    assert (alert.status, last.actor, last.reason) == ("resolved", "ada", "the rule was deleted")


def test_a_member_sees_and_chooses_only_their_project(
    member: Client, api: ProjectClient, other_api: ProjectClient, other_project: Project
) -> None:
    own, foreign = make_rule(api, name="own"), make_rule(other_api, name="foreign")
    page = member.get(LIST).content.decode()
    assert "own" in page
    assert "foreign" not in page
    assert member.get(f"{LIST}{own.pk}/change/").status_code == 200
    assert member.get(f"{LIST}{foreign.pk}/change/").status_code == 302
    errors = errors_of(member.post(ADD, entered(other_project)))
    assert list(errors) == ["project"]


def test_disabling_in_the_list_resolves_alerts(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    now = timezone.now()
    send_points(api, [90], now, host_name="web-1")
    tick(now)
    admin.post(LIST, {"action": "disable", "_selected_action": [rule.pk]})
    rule.refresh_from_db()
    assert not rule.enabled
    assert Alert.objects.get(rule=rule).status == "resolved"
