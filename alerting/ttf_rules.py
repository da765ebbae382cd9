"""The usual alerts on time to first value: the three rules that people add with one click."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from alerting.models import NoData, Rule, Severity, Source
from alerting.rules import save_rule
from projects.models import Project

OPEN_MINUTES = "ttf_open_minutes"
"""Written by `analytics.journeys.points`: a distribution over everybody who is on the way."""


def _rule(name: str, threshold: int, severity: Severity, description: str) -> dict[str, Any]:
    return {
        "name": name,
        "description": description,
        "rule_type": "metric_threshold",
        "source_type": Source.SYSTEM_METRIC,
        "condition_config": {
            "metric": OPEN_MINUTES,
            "operator": ">",
            "threshold": threshold,
            # A point comes each minute: one of them may be missing, and who has arrived is soon forgotten.
            "time_window_minutes": 2,
            "aggregation": "max",
        },
        "severity": severity,
        "for_seconds": 300,
        # Nobody on the way is nobody late.
        "no_data": NoData.OK,
    }


TTF_RULES = (
    _rule("TTF above 75 minutes", 75, Severity.WARNING, "Somebody needs longer than planned."),
    _rule("TTF above 120 minutes", 120, Severity.CRITICAL, "Somebody needs twice as long as planned."),
    _rule("TTF above 180 minutes", 180, Severity.CRITICAL, "Escalation: somebody is stuck for three hours."),
)


def ttf_rules_of(project: Project) -> QuerySet[Rule]:
    """Those of the three that the project has, the mildest first."""
    names = [str(values["name"]) for values in TTF_RULES]
    return Rule.objects.filter(project=project, deleted_at=None, name__in=names).order_by("pk")


def add_ttf_rules(project: Project, actor: str, now: datetime | None = None) -> list[Rule]:
    """Make those of the three that the project doesn't have; returns the new ones.

    Raises alerting.rules.RuleError.
    """
    with transaction.atomic():
        # Of two at once the second one sees the rules of the first.
        Project.objects.select_for_update().get(pk=project.pk)
        had = set(ttf_rules_of(project).values_list("name", flat=True))
        return [
            save_rule(Rule(project=project, **values), [], actor=actor, now=now or timezone.now())
            for values in TTF_RULES
            if values["name"] not in had
        ]
