"""A rule over stored telemetry and the same rule over the same telemetry in a file: the same alerts at every step."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from alerting.models import OPEN_STATUSES, Alert, Rule, Transition
from alerting.replay.engine import Evaluation, Replay
from alerting.replay.rule_files import RuleTestFile, read_file
from alerting.replay.rule_tests import TIME_ZERO, sources_of
from alerting.values import format_number
from metrics.recording import record_points
from metrics.records import PointRecord
from tests.alerting.scenes import tick
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

INTERVAL_SECONDS = 15
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
"""Not shrinking: an example takes a second, and the rule that differs is named anyway."""
STEPS = 16

Open = dict[tuple[str, str], tuple[str, str, bool]]
"""(status, value, is_critical) of open alerts by rule and labels."""
Changes = list[tuple[float, str, str, str, str, str, str]]
"""(seconds, rule, labels, kind, from, to, reason), but nothing of pending: it goes where an alert vanishes."""


def _thresholds(draw: st.DrawFn) -> dict[str, Any]:
    """A condition with a recovery and, maybe, a critical threshold, which goes under `worse`."""
    sign = draw(st.sampled_from([">", "<"]))
    threshold = draw(st.sampled_from([3, 5]))
    aggregations = ["avg", "min", "max", "sum", "count", "last", "p50", "p95", "rate"]
    condition = {
        "operator": sign,
        "threshold": threshold,
        "aggregation": draw(st.sampled_from(aggregations)),
        "group_by": draw(st.sampled_from([[], ["host_name"], ["*"]])),
    }
    if draw(st.booleans()):
        condition["critical_threshold"] = threshold + 3 if sign == ">" else threshold - 3
    return condition


@st.composite
def conditions(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A rule type with a condition about the metric of these tests."""
    kind = draw(st.sampled_from(["metric_threshold"] * 4 + ["absence", "ratio", "change", "new_value"]))
    group_by = draw(st.sampled_from([[], ["host_name"]]))
    own: dict[str, dict[str, Any]] = {
        "absence": {"metric": "depth", "group_by": group_by, "forget_after_minutes": 2},
        "ratio": {
            "numerator": {"metric": "depth", "region": "us"},
            "aggregation": "sum",
            "group_by": group_by,
            "operator": ">",
            "threshold": 0.5,
        },
        "change": {
            "metric": "depth",
            "change_in": "absolute",
            "operator": ">",
            "threshold": 1,
            "group_by": group_by,
        },
        "new_value": {"metric": "depth", "group_by": ["host_name", "region"], "learn_minutes": 1},
    }
    condition = own.get(kind) or {"metric": "depth", **_thresholds(draw)}
    if kind != "ratio":
        condition["filters"] = draw(st.sampled_from([{}, {"region": "eu"}]))
    return kind, {**condition, "time_window_minutes": draw(st.sampled_from([0.25, 0.5, 1]))}


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A rule with settings of every kind."""
    kind, condition = draw(conditions())
    rule: dict[str, Any] = {
        "rule_type": kind,
        "source_type": "system_metric",
        "condition_config": condition,
        "for_seconds": draw(st.sampled_from([0, 15, 40])),
        "keep_firing_for_seconds": draw(st.sampled_from([0, 20])),
        "evaluation_delay_seconds": draw(st.sampled_from([0, 10])),
        "no_data": draw(st.sampled_from(["keep", "ok", "alert"])),
        "flap_detection": draw(st.booleans()),
    }
    if kind == "metric_threshold" and draw(st.booleans()):
        better = -1 if condition["operator"] == ">" else 1
        rule["recovery_threshold"] = condition["threshold"] + better
    return rule


VALUES = st.lists(st.sampled_from([*map(str, range(10)), "_", "stale"]), min_size=1, max_size=STEPS).map(
    " ".join
)


@pytest.mark.django_db
@settings(
    max_examples=6,
    deadline=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    rule_list=st.lists(rules(), min_size=6, max_size=8),
    first=VALUES,
    second=VALUES,
    third=VALUES,
)
def test_a_rule_moves_its_alerts_alike_by_sql_and_by_file(
    rule_list: list[dict[str, Any]], first: str, second: str, third: str
) -> None:
    named = [{"name": f"rule {number}", **rule} for number, rule in enumerate(rule_list)]
    series = {
        'depth{host_name="a", region="eu"}': first,
        'depth{host_name="a", region="us"}': second,
        'depth{host_name="b", region="eu"}': third,
    }
    file = _file(named, series)
    replay = Replay(file.rules, sources_of(file.tests[0].series))
    with _stored(named, file, series) as (project_id, start):
        replayed: Changes = []
        for step in range(STEPS + 4):
            passed = timedelta(seconds=step * INTERVAL_SECONDS)
            replayed += _changes(file, replay.step(TIME_ZERO + passed))
            tick(start + passed)
            assert _open_replayed(file, replay) == _open_stored(project_id), f"step {step}"
        assert sorted(replayed) == _stored_changes(project_id, start)


def _file(named: list[dict[str, Any]], series: dict[str, str]) -> RuleTestFile:
    text = {
        "evaluation_interval": f"{INTERVAL_SECONDS}s",
        "rules": named,
        "tests": [
            {
                "interval": f"{INTERVAL_SECONDS}s",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
            }
        ],
    }
    return read_file(json.dumps(text))


@contextmanager
def _stored(
    named: list[dict[str, Any]], file: RuleTestFile, series: dict[str, str]
) -> Iterator[tuple[int, datetime]]:
    """The same in a project of its own: its id, and what time 0 is there."""
    start = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
    project = make_project("roads")
    api = client_of(project)
    for rule in named:
        _make(api, {**rule, "evaluation_interval_seconds": INTERVAL_SECONDS})
    for one, values in zip(file.tests[0].series, series.values(), strict=True):
        records = list(_records(one.selector.labels, values, start))
        assert record_points(project.pk, records, start) == []
    yield project.pk, start
    Rule.objects.filter(project=project).delete()


def _make(api: ProjectClient, rule: dict[str, Any]) -> None:
    answer = api.post("/api/v1/alert-rules/", rule)
    assert answer.status_code == 201, answer.content


def _records(labels: Any, values: str, start: datetime) -> Iterator[PointRecord]:
    for position, text in enumerate(values.split()):
        if text != "_":
            yield PointRecord(
                metric_name="depth",
                metric_value=None if text == "stale" else float(text),
                stale=text == "stale",
                host_name=labels["host_name"],
                tags={"region": labels["region"]},
                timestamp=start + timedelta(seconds=position * INTERVAL_SECONDS),
            )


def _changes(file: RuleTestFile, evaluations: list[Evaluation]) -> Changes:
    names = {rule.id: rule.name for rule in file.rules}
    return [
        (
            (evaluation.at - TIME_ZERO).total_seconds(),
            names[evaluation.rule_id],
            str(dict(move.labels)),
            move.change.kind,
            _before(move.change.from_status),
            move.change.to_status,
            _undated(move.change.reason),
        )
        for evaluation in evaluations
        for move in evaluation.moves
        if move.change and move.change.to_status != "pending"
    ]


def _stored_changes(project_id: int, start: datetime) -> Changes:
    found = Transition.objects.filter(project=project_id).exclude(to_status="pending").select_related("alert")
    return sorted(
        (
            (change.at - start).total_seconds(),
            change.alert.rule_name,
            str(dict(sorted(change.alert.labels.items()))),
            change.kind,
            _before(change.from_status),
            change.to_status,
            _undated(change.reason),
        )
        for change in found
    )


def _undated(reason: str) -> str:
    """Time 0 is another moment by either road."""
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d", "then", reason)


def _before(status: str) -> str:
    return status or "nothing"


def _open_replayed(file: RuleTestFile, replay: Replay) -> Open:
    return {
        (rule.name, str(dict(alert.labels))): (
            alert.state.status,
            _number(alert.state.value),
            alert.state.is_critical,
        )
        for rule in file.rules
        for alert in replay.alerts_of(rule.id)
    }


def _open_stored(project_id: int) -> Open:
    return {
        (alert.rule_name, str(dict(sorted(alert.labels.items())))): (
            alert.status,
            _number(alert.value),
            alert.is_critical,
        )
        for alert in Alert.objects.filter(project=project_id, status__in=OPEN_STATUSES)
    }


def _number(value: float | None) -> str:
    return "" if value is None else format_number(value)
