"""The rule form of every type: saved as shown it changes nothing, filled in it makes the rule."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from alerting.admin.rule_form_fields import hints, judging_fields, shown_when, texts_by_watch, watches
from alerting.models import Rule
from alerting.rule_types import operator_of, rule_types
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.forms import filled_in
from tests.alerting.rule_types.telemetry import make
from tests.alerting.scenes import ERROR_RULE, make_rule
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

ADD = "/admin/alerting/rule/add/"
WINDOWS = [{"factor": 14.4, "long_minutes": 60, "short_minutes": 5}]
STORED: list[tuple[str, str, dict[str, Any]]] = [
    ("absence", "telemetry_event", {"event_name": "paid", "group_by": ["tags.shop"]}),
    ("absence", "trace", {"filters": {"service_name": "api"}, "time_window_minutes": 0.5}),
    ("absence", "system_metric", {"metric": "cpu_usage", "forget_after_minutes": 60}),
    ("ratio", "telemetry_event", {"numerator": {"properties.code": 500}, "operator": ">", "threshold": 0.1}),
    (
        "ratio",
        "system_metric",
        {
            "numerator": {"metric": "errors"},
            "denominator": {"metric": "requests"},
            "aggregation": "sum",
            "operator": ">",
            "threshold": 0.1,
            "minimum_count": 20,
        },
    ),
    (
        "ratio",
        "telemetry_event",
        {
            "numerator": {"event_name": "paid", "filters": {"tags.plan": {"not": "gold"}}, "tags.shop": "eu"},
            "filters": {"properties.amount": {"greater": 10, "less": 20.5}},
            "any_of": [{"event_name": "paid"}, {"event_type": "shop"}],
            "operator": ">",
            "threshold": 0.1,
        },
    ),
    ("change", "system_metric", {"metric": "cpu_usage", "operator": ">", "threshold": 5}),
    ("change", "telemetry_event", {"operator": "<", "threshold": -50, "compared_to": "week_ago"}),
    ("new_value", "telemetry_event", {"limit": 5}),
    ("new_value", "trace", {"group_by": ["operation_name"], "learn_minutes": 60}),
    ("slo_burn_rate", "trace", {"bad": {"status": "error"}, "objective": 0.995}),
    ("slo_burn_rate", "telemetry_event", {"bad": {"event_type": "error_event"}, "windows": WINDOWS}),
    ("anomaly", "business_metric", {"metric": "revenue", "direction": "below", "history_weeks": 8}),
    ("anomaly", "trace", {"metric": "duration_ms", "aggregation": "p95"}),
    ("composite", "rule", {"rules": ["High Error Rate"], "need": "any"}),
]


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


@pytest.mark.parametrize(("rule_type", "source", "condition"), STORED)
def test_saving_a_rule_as_it_is_changes_nothing(
    admin: Client, api: ProjectClient, rule_type: str, source: str, condition: dict[str, Any]
) -> None:
    make_rule(api, ERROR_RULE)
    rule = make(api, rule_type, source, condition)
    page = f"/admin/alerting/rule/{rule.pk}/change/"
    answer = admin.post(page, filled_in(admin.get(page).content.decode(), "rule_form"))
    assert answer.status_code == 302, dict(answer.context["adminform"].form.errors)
    assert Rule.objects.get(pk=rule.pk).condition_config == condition


ASKED: dict[str, dict[str, str]] = {
    "absence:telemetry_event": {"events": '{"event_name": "heartbeat"}'},
    "absence:system_metric": {"metric": "cpu_usage", "group_by": "host_name"},
    "ratio:telemetry_event": {
        "numerator_events": '{"event_name": "paid"}',
        "denominator_events": '{"event_name": "checkout", "filters": {"properties.amount": {"greater": 5}}}',
        "threshold": "0.5",
        "operator": "<",
    },
    "ratio:trace": {"numerator": "status=error", "threshold": "0.01"},
    "change:business_metric": {"metric": "revenue", "operator": "<", "threshold": "-30"},
    "new_value:telemetry_event": {},
    "new_value:trace": {"group_by": "operation_name"},
    "slo_burn_rate:trace": {"bad": "status=error"},
    "slo_burn_rate:system_metric": {"bad": "metric=errors_total", "total": "metric=requests_total"},
    "anomaly:system_metric": {"metric": "cpu_usage"},
    "composite:rule": {"rules": "High Error Rate\r\n", "need": "none"},
}


@pytest.mark.parametrize(("watch", "entered"), ASKED.items())
def test_a_newcomer_fills_in_little_and_has_a_rule(
    admin: Client, api: ProjectClient, watch: str, entered: dict[str, str]
) -> None:
    make_rule(api, ERROR_RULE)
    shown = filled_in(admin.get(ADD).content.decode(), "rule_form")
    # What the page's script does when this type is chosen.
    offered = texts_by_watch()[watch]
    chosen = {**offered, "watch": watch, "name": "New", "project": api.project.pk}
    filled = {**shown, **chosen, **entered}
    answer = admin.post(ADD, filled)
    assert answer.status_code == 302, dict(answer.context["adminform"].form.errors)
    rule = Rule.objects.get(name="New")
    kind = rule_types()[rule.rule_type]
    condition = kind.parse(rule.condition_config, rule.source_type)
    for name in offered.keys() - entered.keys():
        assert str(watches()[watch][name].prepare_value(getattr(condition, name))) == offered[name]


def test_the_page_offers_every_pair_its_defaults_and_its_hint(admin: Client, project: Project) -> None:
    page = admin.get(ADD).content.decode()
    found = re.search(r'data-defaults="([^"]*)"', page)
    assert found
    defaults = json.loads(unescape(found[1]))
    assert defaults.keys() == watches().keys() == hints().keys()
    assert defaults["absence:trace"]["operator"] == "<"
    assert defaults["anomaly:trace"]["time_window_minutes"] == "60"
    assert defaults["slo_burn_rate:trace"]["windows"] == "14.4 60 5\n6 360 30\n1 4320 360"


def test_a_field_is_shown_for_the_pairs_that_have_it() -> None:
    assert shown_when("rules") == "['composite:rule'].includes(watch)"
    assert "absence:trace" not in shown_when("metric")
    assert "'absence:system_metric'" in shown_when("metric")
    assert {"need", "direction", "minimum_count", "objective"} <= set(judging_fields())


@pytest.mark.parametrize(
    ("watch", "field", "text", "message"),
    [
        ("slo_burn_rate:trace", "windows", "14.4 60", "Write three numbers per line"),
        ("slo_burn_rate:trace", "objective", "99.9", "such as 0.999"),
        ("composite:rule", "rules", "Nobody", "This project has no rule"),
        ("ratio:trace", "numerator", "paid", "Write one key=value per line"),
        ("ratio:telemetry_event", "numerator_events", "paid", "Enter a valid JSON"),
        (
            "absence:telemetry_event",
            "events",
            '{"filters": {"properties.amount": {"greater": "much"}}}',
            "properties.amount is more than: Must be a number",
        ),
        (
            "absence:telemetry_event",
            "events",
            '{"event_name": "a", "filters": {"event_name": "b"}}',
            "event_name is given twice.",
        ),
    ],
)
@pytest.mark.usefixtures("project")
def test_errors_stand_at_their_fields(admin: Client, watch: str, field: str, text: str, message: str) -> None:
    shown = filled_in(admin.get(ADD).content.decode(), "rule_form")
    chosen = {**texts_by_watch()[watch], "watch": watch, "name": "New", "bad": "status=error", field: text}
    errors = admin.post(ADD, {**shown, **chosen}).context["adminform"].form.errors
    assert message in errors[field][0]


@pytest.mark.parametrize("name", sorted(rule_types()))
def test_every_type_says_what_it_is(name: str) -> None:
    kind = rule_types()[name]
    assert kind.label
    assert kind.hint.endswith(".")
    for source in kind.sources:
        for field in kind.form_fields(source).values():
            assert field.label


@pytest.mark.parametrize(
    ("rule_type", "config", "operator"),
    [
        ("absence", {}, "<"),
        ("absence", {"operator": "<="}, "<="),
        ("event_frequency", {}, ">="),
        ("metric_threshold", {"operator": "!="}, "!="),
        ("metric_threshold", {}, ">="),
        ("gone", {}, ">="),
    ],
)
def test_messages_name_the_operator_that_the_type_implies(
    rule_type: str, config: dict[str, Any], operator: str
) -> None:
    assert operator_of(rule_type, config) == operator
