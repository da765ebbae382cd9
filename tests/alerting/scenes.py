"""Rules and telemetry for tests: sent through the API, evaluated at a time of the test's choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from alerting.evaluation import Tick, evaluate_due
from alerting.models import Rule
from tests.clients import ProjectClient, counts

CPU_RULE: Mapping[str, Any] = {
    "name": "High CPU Usage",
    "rule_type": "metric_threshold",
    "source_type": "system_metric",
    "condition_config": {
        "metric": "cpu_usage",
        "operator": ">",
        "threshold": 80,
        "time_window_minutes": 5,
        "aggregation": "avg",
        "group_by": ["host_name"],
    },
    "severity": "warning",
}
ERROR_RULE: Mapping[str, Any] = {
    "name": "High Error Rate",
    "rule_type": "event_frequency",
    "source_type": "telemetry_event",
    "condition_config": {"event_type": "error_event", "threshold": 3, "time_window_minutes": 5},
    "severity": "error",
}


def make_rule(api: ProjectClient, base: Mapping[str, Any] = CPU_RULE, **changes: Any) -> Rule:
    """A rule by API. Keys of the condition may be given like those of the rule; None takes a key away."""
    condition = dict(base["condition_config"])
    rule = dict(base)
    known = {"rule_type", "source_type", "severity", "name", "notification_channels", "notification_config"}
    known |= {"for_seconds", "keep_firing_for_seconds", "recovery_threshold", "no_data", "enabled"}
    known |= {"evaluation_interval_seconds", "on_error", "evaluation_delay_seconds", "flap_detection"}
    for name, value in changes.items():
        (rule if name in known else condition)[name] = value
    rule["condition_config"] = {name: value for name, value in condition.items() if value is not None}
    answer = api.post("/api/v1/alert-rules/", rule)
    assert answer.status_code == 201, answer.content
    return Rule.objects.get(pk=answer.json()["id"])


def edit(api: ProjectClient, rule: Rule, **changes: Any) -> None:
    answer = api.patch(f"/api/v1/alert-rules/{rule.pk}/", changes)
    assert answer.status_code == 200, answer.content


def tick(now: datetime) -> Tick:
    """Evaluate all rules at `now`, also those that are due only later."""
    Rule.objects.update(next_evaluation_at=now)
    return evaluate_due(now)


def send_points(
    api: ProjectClient, values: Sequence[float], now: datetime, *, spacing_seconds: float = 15, **fields: Any
) -> None:
    """Points of one series, the last at `now`."""
    first = now - timedelta(seconds=spacing_seconds * (len(values) - 1))
    metrics = [
        {
            "metric_name": "cpu_usage",
            "metric_value": value,
            "timestamp": (first + timedelta(seconds=spacing_seconds * position)).isoformat(),
            **fields,
        }
        for position, value in enumerate(values)
    ]
    answer = api.post("/api/v1/metrics", {"metrics": metrics})
    assert counts(answer) == (len(values), 0, 0), answer.content


def send_events(api: ProjectClient, count: int, now: datetime, **fields: Any) -> None:
    event = {"event_name": "failed", "event_type": "error_event", "timestamp": now.isoformat(), **fields}
    answer = api.post("/api/v1/events", {"events": [event] * count})
    assert counts(answer) == (count, 0, 0), answer.content


def send_business(api: ProjectClient, value: float, end: datetime, **fields: Any) -> None:
    """Revenue of the minute before `end`."""
    metric = {
        "metric_name": "revenue",
        "metric_value": value,
        "period_start": (end - timedelta(minutes=1)).isoformat(),
        "period_end": end.isoformat(),
        **fields,
    }
    assert counts(api.post("/api/v1/business-metrics", {"metrics": [metric]})) == (1, 0, 0)


def alerts(api: ProjectClient, **filters: str) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return api.results(f"/api/v1/alerts/?{query}")


def statuses(api: ProjectClient) -> dict[str, str]:
    """Status of the newest alert of each label set, labels written as `name=value`."""
    found: dict[str, str] = {}
    for alert in alerts(api):
        labels = ",".join(f"{name}={value}" for name, value in sorted(alert["labels"].items()))
        found.setdefault(labels, alert["status"])
    return found


def timeline(api: ProjectClient, alert_id: str) -> list[tuple[str, str, str, str]]:
    """(from, to, actor, reason) of each line."""
    answer = api.get(f"/api/v1/alerts/{alert_id}/")
    assert answer.status_code == 200, answer.content
    return [(line["from"], line["to"], line["actor"], line["reason"]) for line in answer.json()["timeline"]]
