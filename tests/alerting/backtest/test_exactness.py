"""What is read once for a period answers every window as the database does, and the curve is what replays say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerting.backtest.cast import cast_of
from alerting.backtest.history import load
from alerting.backtest.needs import needs_of
from alerting.backtest.period import Period
from alerting.models import Rule
from alerting.rule_types.conditions import RuleInput
from alerting.rules import check_rule
from alerting.sources.reading import Reading
from alerting.sources.sql import SqlSources
from projects.models import Project
from tests.alerting.backtest.scene import FIRST, LAST, RULES, rule
from tests.alerting.rule_types.telemetry import RULE_MATCHERS
from tests.analytics.matchers.strategies import EVENTS
from tests.clients import ProjectClient, client_of, counts
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

MICROSECOND = timedelta(microseconds=1)
HOUR = timezone.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
START = HOUR + timedelta(minutes=50, seconds=20)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    edges=st.lists(
        st.tuples(st.integers(-20, 20), st.sampled_from([-1, 0, 1, 3_333_333])), min_size=5, max_size=40
    ),
    interval_seconds=st.sampled_from([7, 30, 60, 90]),
    window_minutes=st.sampled_from([0.1, 0.25, 1, 2.5, 7]),
    delay_seconds=st.sampled_from([0, 11, 60]),
)
def test_counts_are_exact_whatever_the_interval_the_window_and_the_delay(
    edges: list[tuple[int, int]], interval_seconds: int, window_minutes: float, delay_seconds: int
) -> None:
    project = make_project("counted")
    times = [START + timedelta(seconds=30 * half + 30) + off * MICROSECOND for half, off in edges]
    times += [HOUR + timedelta(hours=1) + off * MICROSECOND for off in (-1, 0, 1)]
    events = [{"event_name": "paid", "timestamp": at.isoformat()} for at in times]
    assert counts(client_of(project).post("/api/v1/events", {"events": events})) == (len(events), 0, 0)
    selections = {
        "event_frequency": {"event_name": "paid", "threshold": 1, "time_window_minutes": window_minutes},
        "change": {
            "event_name": "paid",
            "operator": ">",
            "threshold": 1,
            "time_window_minutes": window_minutes,
            "change_in": "absolute",
        },
        "slo_burn_rate": {
            "bad": {"event_name": "paid"},
            "objective": 0.5,
            "minimum_events": 1,
            "windows": [{"factor": 1, "long_minutes": 150, "short_minutes": window_minutes}],
        },
    }
    for rule_type, condition in selections.items():
        tried = rule(rule_type, "telemetry_event", condition, evaluation_delay_seconds=delay_seconds)
        assert_same_answers(project, tried, Period(START, START + timedelta(minutes=12), interval_seconds))


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    events=st.lists(EVENTS, min_size=1, max_size=12),
    matcher=RULE_MATCHERS,
    group_by=st.sampled_from([[], ["tags.plan"], ["event_name", "properties.7"]]),
)
def test_a_backtest_finds_the_events_that_the_rule_finds(
    events: list[dict[str, Any]], matcher: dict[str, Any], group_by: list[str]
) -> None:
    project = make_project("matched")
    body = [
        {**event, "timestamp": (START + timedelta(seconds=20 * number)).isoformat()}
        for number, event in enumerate(events)
    ]
    assert client_of(project).post("/api/v1/events", {"events": body}).json()["accepted"] == len(events)
    condition = {**matcher, "group_by": group_by, "threshold": 1, "time_window_minutes": 2}
    tried = rule("event_frequency", "telemetry_event", condition)
    assert_same_answers(project, tried, Period(START, START + timedelta(minutes=6), 60))


def assert_same_answers(project: Project, body: Mapping[str, Any], period: Period) -> None:
    stored = Rule(project=project, name="tried", **body)
    acting = cast_of(stored, check_rule(stored, ()))
    history = load(needs_of(acting.rules, acting.names), project.pk, period)
    lead, sql = acting.lead, SqlSources()
    plan = lead.rule_type.plan(lead.condition, lead.source_type)
    asked = [RuleInput(lead.id, lead.condition, False)]
    for moment in period.moments():
        end = moment - timedelta(seconds=lead.evaluation_delay_seconds)
        replayed = lead.rule_type.measure(plan, Reading(history, project.pk, end), asked)
        assert replayed == lead.rule_type.measure(plan, Reading(sql, project.pk, end), asked), (body, moment)


@pytest.mark.parametrize(
    "name",
    [
        "cpu with two severities",
        "silence is wrong",
        "late data",
        "few spans",
        "revenue",
        "few heartbeats",
        "absent heartbeat",
        "conversion",
    ],
)
def test_the_curve_says_what_a_backtest_with_that_threshold_says(shop: ProjectClient, name: str) -> None:
    body = RULES[name]
    curve = tried(shop, body)["curve"]
    assert body["condition_config"].get("threshold", 1) in [point["threshold"] for point in curve]
    assert len({point["fires"] for point in curve}) > 1
    for point in curve[::4]:
        condition = {**body["condition_config"], "threshold": point["threshold"]}
        again = tried(shop, {**body, "condition_config": condition})
        assert {key: again[key] for key in ("fires", "messages", "minutes_firing")} == {
            key: point[key] for key in ("fires", "messages", "minutes_firing")
        }, point["threshold"]


def tried(api: ProjectClient, body: Mapping[str, Any]) -> dict[str, Any]:
    period = {"start": FIRST.isoformat(), "end": LAST.isoformat()}
    answer = api.post("/api/v1/alert-rules/backtest/", {"name": "tried", **body, **period})
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_days_label_sets_and_transitions_add_up_to_the_total(shop: ProjectClient) -> None:
    found = tried(shop, RULES["cpu with two severities"])
    for key in ("fires", "messages", "minutes_firing"):
        for part in ("per_day", "per_label_set"):
            assert sum(one[key] for one in found[part]) == pytest.approx(found[key]), (part, key)
    assert found["fires"] == sum(one["to"] == "firing" for one in found["transitions"])
    fired, ended = (
        [datetime.fromisoformat(one["at"]) for one in found["transitions"] if one["to"] == status]
        for status in ("firing", "resolved")
    )
    minutes = sum((end - start).total_seconds() / 60 for start, end in zip(fired, ended, strict=True))
    assert found["minutes_firing"] == pytest.approx(minutes)
