"""The rule form keeps what nobody touched, and offers each rule type its own defaults."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerting.models import Alert, Rule
from alerting.starter_rules import create_starter_rules
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.forms import filled_in
from tests.alerting.scenes import CPU_RULE, ERROR_RULE, make_rule, send_events, tick
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

ADD = "/admin/alerting/rule/add/"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def page_of(rule: Rule) -> str:
    return f"/admin/alerting/rule/{rule.pk}/change/"


def save_as_shown(admin: Client, rule: Rule, **changes: Any) -> None:
    """Open the rule's page and save what it shows, with these fields filled in otherwise."""
    shown = filled_in(admin.get(page_of(rule)).content.decode(), "rule_form")
    answer = admin.post(page_of(rule), {**shown, **changes})
    assert answer.status_code == 302, dict(answer.context["adminform"].form.errors)


def stored(rule: Rule) -> dict[str, Any]:
    """Everything of the rule but the time of its last save."""
    row: dict[str, Any] = {**Rule.objects.filter(pk=rule.pk).values().get(), "updated_at": None}
    return {**row, "channels": list(rule.channels.values_list("name", flat=True))}


@pytest.mark.parametrize("name", ["High CPU Usage", "High Error Rate", "Slow Response Times"])
def test_saving_a_starter_rule_as_it_is_changes_nothing(admin: Client, project: Project, name: str) -> None:
    create_starter_rules(project)
    rule = Rule.objects.get(name=name)
    before = stored(rule)
    save_as_shown(admin, rule)
    assert stored(rule) == before


@pytest.mark.parametrize(
    ("base", "changes"),
    [
        (ERROR_RULE, {"operator": "<", "event_name": "paid", "group_by": ["tags.shop"]}),
        (ERROR_RULE, {"filters": {"properties.code": 500, "tags.is_new": True, "tags.ratio": 0.5}}),
        (ERROR_RULE, {"filters": {"tags.note": "two\nlines", "tags.gap": " x "}, "threshold": 0.1 + 0.2}),
        (CPU_RULE, {"group_by": ["*"], "aggregation": None, "time_window_minutes": None}),
        (CPU_RULE, {"recovery_threshold": 70.5, "for_seconds": 30, "no_data": "alert", "enabled": False}),
        (CPU_RULE, {"notification_config": {"email": ["a@example.org", "b@example.org"]}}),
        (CPU_RULE, {"notification_config": {"email": []}, "notification_channels": ["ops"]}),
        (CPU_RULE, {"source_type": "business_metric", "metric": "revenue", "operator": "<="}),
        (CPU_RULE, {"source_type": "trace", "metric": "span_count", "group_by": ["service_name"]}),
    ],
)
def test_saving_a_rule_as_it_is_changes_nothing(
    admin: Client, api: ProjectClient, base: dict[str, Any], changes: dict[str, Any]
) -> None:
    channel = {"name": "ops", "kind": "email", "config": {"recipients": ["ops@example.org"]}}
    assert api.post("/api/v1/notification-channels/", channel).status_code == 201
    rule = make_rule(api, base, **changes)
    Rule.objects.filter(pk=rule.pk).update(description="What to do:\nlook at the host.")
    before = stored(rule)
    save_as_shown(admin, rule)
    assert stored(rule) == before


def test_saving_a_firing_rule_as_it_is_resolves_nothing(
    admin: Client, api: ProjectClient, project: Project
) -> None:
    create_starter_rules(project)
    rule = Rule.objects.get(name="High Error Rate")
    now = timezone.now()
    send_events(api, 10, now)
    tick(now)
    save_as_shown(admin, rule)
    tick(now + timedelta(seconds=10))
    assert Alert.objects.get(rule=rule).status == "firing"


def test_an_edit_changes_only_what_was_touched(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api, ERROR_RULE, filters={"properties.code": 500})
    before = rule.condition_config
    save_as_shown(admin, rule, threshold="7")
    rule.refresh_from_db()
    assert rule.condition_config == {**before, "threshold": 7.0}


def test_another_matcher_takes_the_place_of_the_stored_one(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api, ERROR_RULE, filters={"properties.code": 500})
    assert f'data-project="{api.project.pk}"' in admin.get(page_of(rule)).content.decode()
    wanted = {"any_of": [{"event_name": "a"}, {"filters": {"tags.b": {"contains": "c"}}}]}
    save_as_shown(admin, rule, events=json.dumps(wanted))
    rule.refresh_from_db()
    assert rule.condition_config == {**wanted, "threshold": 3, "time_window_minutes": 5}


def test_whole_numbers_are_shown_without_a_point(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api, threshold=80.0, time_window_minutes=0.5)
    shown = filled_in(admin.get(page_of(rule)).content.decode(), "rule_form")
    assert (shown["threshold"], shown["time_window_minutes"]) == ("80", "0.5")


def test_another_rule_type_takes_nothing_over_from_the_former(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api, ERROR_RULE)
    save_as_shown(admin, rule, watch="metric_threshold:system_metric", metric="cpu_usage", operator=">")
    rule.refresh_from_db()
    assert rule.condition_config == {
        "metric": "cpu_usage",
        "aggregation": "avg",
        "operator": ">",
        "threshold": 3.0,
        "time_window_minutes": 5.0,
    }


def test_a_condition_that_can_not_be_read_is_mended_in_the_form(admin: Client, api: ProjectClient) -> None:
    rule = make_rule(api)
    Rule.objects.filter(pk=rule.pk).update(condition_config={"metric": "cpu_usage", "color": "red"})
    save_as_shown(admin, rule, threshold="80")
    rule.refresh_from_db()
    assert rule.condition_config == {
        "metric": "cpu_usage",
        "aggregation": "avg",
        "operator": ">",
        "threshold": 80.0,
        "time_window_minutes": 5.0,
    }


def test_a_new_event_rule_counts_from_its_threshold_on(admin: Client, project: Project) -> None:
    shown = filled_in(admin.get(ADD).content.decode(), "rule_form")
    assert (shown["watch"], shown["operator"]) == ("event_frequency:telemetry_event", ">=")


@pytest.mark.parametrize(
    ("watch", "missing"),
    [
        ("event_frequency:telemetry_event", {"name", "threshold"}),
        ("metric_threshold:system_metric", {"name", "threshold", "metric"}),
    ],
)
def test_each_rule_type_asks_for_what_it_needs(
    admin: Client, project: Project, watch: str, missing: set[str]
) -> None:
    page = admin.get(ADD).content.decode()
    answer = admin.post(ADD, {**filled_in(page, "rule_form"), "watch": watch})
    errors = answer.context["adminform"].form.errors
    assert {name: list(problems) for name, problems in errors.items()} == {
        name: ["This field is required."] for name in missing
    }
    assert 'Metric<span class="text-red' in page.replace("\n", "").replace("    ", "")


def test_what_another_type_asks_for_may_be_wrong(admin: Client, project: Project) -> None:
    shown = filled_in(admin.get(ADD).content.decode(), "rule_form")
    changes = {"name": "Errors", "threshold": "5", "metric": "", "aggregation": "median"}
    assert admin.post(ADD, {**shown, **changes}).status_code == 302
    assert "aggregation" not in Rule.objects.get().condition_config
