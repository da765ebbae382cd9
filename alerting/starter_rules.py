"""What a new installation watches before anybody has made a rule."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from alerting.models import Rule, Severity, Source
from alerting.rules import save_rule
from projects.models import Project

ACTOR = "first start"

STARTER_RULES: tuple[dict[str, Any], ...] = (
    {
        "name": "High CPU Usage",
        "rule_type": "metric_threshold",
        "source_type": Source.SYSTEM_METRIC,
        "condition_config": {
            "metric": "cpu_usage",
            "operator": ">",
            "threshold": 80,
            "time_window_minutes": 5,
            "aggregation": "avg",
        },
        "severity": Severity.WARNING,
    },
    {
        "name": "High Error Rate",
        "rule_type": "event_frequency",
        "source_type": Source.TELEMETRY_EVENT,
        "condition_config": {"event_type": "error_event", "threshold": 10, "time_window_minutes": 5},
        "severity": Severity.ERROR,
    },
    {
        "name": "Slow Response Times",
        "rule_type": "metric_threshold",
        "source_type": Source.SYSTEM_METRIC,
        "condition_config": {
            "metric": "response_time",
            "operator": ">",
            "threshold": 1000,
            "time_window_minutes": 5,
            "aggregation": "p95",
        },
        "severity": Severity.WARNING,
    },
)


def create_starter_rules(project: Project) -> None:
    """Make the starter rules that this project has never had; deleted ones stay deleted."""
    had = set(Rule.objects.filter(project=project).values_list("name", flat=True))
    for values in STARTER_RULES:
        if values["name"] not in had:
            save_rule(Rule(project=project, **values), [], actor=ACTOR, now=timezone.now())
