"""Links that open the form of a new rule with what an explorer showed."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from alerting.admin.rule_form_fields import texts_by_watch, watches
from alerting.models import NotificationChannel, Rule
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.forms import filled_in

pytestmark = pytest.mark.django_db

ADD = "/admin/alerting/rule/add/"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def opened(admin: Client, **query: Any) -> dict[str, Any]:
    """What the form's fields hold."""
    answer = admin.get(f"{ADD}?{urlencode(query)}")
    assert answer.status_code == 200
    return filled_in(answer.content.decode(), "rule_form")


LINKS: list[tuple[dict[str, str], dict[str, str]]] = [
    (
        {"rule_type": "metric_threshold", "source_type": "system_metric", "metric": "cpu", "aggregation": "p95",
         "service_name": "api", "tags.region": "eu", "group_by": "host_name", "threshold": "41.2"},
        {"watch": "metric_threshold:system_metric", "metric": "cpu", "aggregation": "p95", "group_by": "host_name",
         "filters": "service_name=api\r\ntags.region=eu", "threshold": "41.2", "operator": ">"},
    ),
    (
        {"rule_type": "event_frequency", "event_name": "checkout_failed", "severity": "error",
         "properties.code": "500", "tenant_id": "t12"},
        {"watch": "event_frequency:telemetry_event", "severity": "warning", "operator": ">=",
         "events": '{"event_name": "checkout_failed", '
         '"filters": {"severity": "error", "properties.code": "500", "tenant_id": "t12"}}'},
    ),
    (
        {"rule_type": "metric_threshold", "source_type": "trace", "metric": "duration_ms", "aggregation": "p95",
         "service_name": "api", "operation_name": "POST /pay", "status": "error", "severity": "critical"},
        {"watch": "metric_threshold:trace", "metric": "duration_ms", "severity": "critical",
         "filters": "service_name=api\r\noperation_name=POST /pay\r\nstatus=error"},
    ),
    (
        {"watch": "ratio:telemetry_event", "numerator": "event_name=paid", "event_category": "shop",
         "filters": "tags.shop=berlin", "for_seconds": "120", "name": "Few paid"},
        {"watch": "ratio:telemetry_event", "for_seconds": "120", "name": "Few paid",
         "numerator_events": '{"event_name": "paid"}',
         "common_events": '{"event_category": "shop", "filters": {"tags.shop": "berlin"}}'},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("query", "shown"), LINKS)
def test_a_link_fills_in_what_an_explorer_showed(
    admin: Client, project: Project, query: dict[str, str], shown: dict[str, str]
) -> None:
    fields = opened(admin, **query)
    assert {name: fields[name] for name in shown} == shown


@pytest.mark.parametrize("watch", watches())
def test_every_kind_of_rule_can_be_asked_for(admin: Client, project: Project, watch: str) -> None:
    rule_type, _, source = watch.partition(":")
    fields = opened(admin, rule_type=rule_type, source_type=source)
    assert fields["watch"] == watch
    for name, text in texts_by_watch()[watch].items():
        assert fields[name].replace("\r\n", "\n") == text, name


@pytest.mark.parametrize(
    "query",
    [
        {"rule_type": "no_such", "metric": "cpu"},
        {"metric": "cpu", "threshold": "80"},
        {"rule_type": "event_frequency", "source_type": "trace"},
        {"watch": "nothing", "is_superuser": "1", "_popup_": "1"},
    ],
)
def test_what_is_unknown_leaves_the_form_as_it_is(
    admin: Client, project: Project, query: dict[str, str]
) -> None:
    assert _without_token(opened(admin, **query)) == _without_token(opened(admin))


def _without_token(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name != "csrfmiddlewaretoken"}


def test_what_fits_no_field_is_left_out(admin: Client, project: Project) -> None:
    fields = opened(
        admin, rule_type="metric_threshold", source_type="system_metric", metric="cpu", threshold="many",
        aggregation="median", for_seconds="-5", severity="loud", time_window_minutes="", host_name="a\nb",
    )  # fmt: skip
    assert (fields["metric"], fields["threshold"], fields["aggregation"]) == ("cpu", "", "avg")
    assert (fields["for_seconds"], fields["severity"], fields["time_window_minutes"]) == ("0", "warning", "5")
    assert fields["filters"] == ""


def test_hostile_text_stays_text(admin: Client, project: Project) -> None:
    hostile = '</textarea><script>alert(1)</script>"'
    answer = admin.get(
        f"{ADD}?{urlencode({'rule_type': 'event_frequency', 'event_name': hostile, 'user_id': hostile})}"
    )
    assert b"<script>alert" not in answer.content
    assert admin.get(f"{ADD}?rule_type=event_frequency&event_name=%00").status_code == 200


def test_the_project_is_chosen_by_id_or_slug(admin: Client, project: Project, other_project: Project) -> None:
    for named in (other_project.pk, other_project.slug):
        assert opened(admin, project=named)["project"] == str(other_project.pk)
    assert opened(admin, project="nobody")["project"] == str(Project.objects.first().pk)  # type: ignore[union-attr]  # there are two


def test_a_link_tells_nobody(admin: Client, project: Project) -> None:
    channel = NotificationChannel(project=project, name="ops", kind="email")
    channel.config = {"recipients": ["ops@example.org"]}
    channel.save()
    fields = opened(
        admin,
        rule_type="event_frequency",
        channels=str(channel.pk),
        emails="spy@example.org",
        slack_channel="#spy",
    )
    assert (fields.get("channels"), fields["emails"], fields["slack_channel"]) == (None, "", "")


def test_a_rule_opened_by_a_link_is_saved_as_shown(admin: Client, project: Project) -> None:
    query = {**LINKS[0][0], "name": "p95 of cpu", "project": str(project.pk)}
    answer = admin.post(ADD, opened(admin, **query))
    assert answer.status_code == 302, dict(answer.context["adminform"].form.errors)
    rule = Rule.objects.get(name="p95 of cpu")
    assert rule.condition_config == {
        "metric": "cpu", "aggregation": "p95", "operator": ">", "threshold": 41.2, "time_window_minutes": 5.0,
        "group_by": ["host_name"], "filters": {"service_name": "api", "tags.region": "eu"},
    }  # fmt: skip
