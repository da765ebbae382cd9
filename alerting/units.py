"""The units of what rules measure, as far as they change how a number is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from django.db import connection

from alerting.rule_types.conditions import Condition
from alerting.rule_types.metric_threshold import MetricThresholdCondition
from projects.figures import RATIO

FURTHEST_LIMIT = 10
"""Nobody limits a ratio at more than 1000 %: of metrics with higher limits nothing is asked."""

_UNSAID = ("", "1")
"""Units that leave it to the metric's name: 1 is UCUM's unit of ratios and of much else."""

Metric = tuple[int, str]
"""The id of its project, and its name."""


class Watching(Protocol):
    """What of a rule its unit depends on, beside its condition."""

    @property
    def project_id(self) -> int: ...
    @property
    def source_type(self) -> str: ...


Watched = tuple[Watching, Condition | None]
"""A rule and its condition, None where that can't be read."""


def unit_of(rule: Watching, condition: Condition | None) -> str:
    """RATIO, PERCENT or "": by the condition, and of a metric by the unit that it is sent with."""
    return units_of([(rule, condition)])[0]


def units_of(watched: Sequence[Watched]) -> list[str]:
    """The unit of each, in their order. One query, and none where no metric could be a ratio."""
    metrics = {metric for one in watched if (metric := _metric_of(*one))}
    sent = sent_units(sorted(metrics)) if metrics else {}
    return [unit_as_sent(*one, sent) for one in watched]


def _metric_of(rule: Watching, condition: Condition | None) -> Metric | None:
    """The metric whose own unit the rule's values have, where that matters."""
    if rule.source_type != "system_metric" or not isinstance(condition, MetricThresholdCondition):
        return None
    matters = condition.keeps_unit and abs(condition.threshold) <= FURTHEST_LIMIT
    return (rule.project_id, condition.metric) if matters else None


def unit_as_sent(rule: Watching, condition: Condition | None, sent: Mapping[Metric, str]) -> str:
    """The same where it is known which units metrics are sent with."""
    if condition is None:
        return ""
    metric = _metric_of(rule, condition)
    unit = sent.get(metric, "") if metric else ""
    if unit in _UNSAID:
        return condition.unit_in(rule.source_type)
    return RATIO if unit == RATIO else ""


def sent_units(metrics: Sequence[Metric]) -> dict[Metric, str]:
    """By one series of each: a step down an index, where DISTINCT ON would read all series of the names."""
    one = "(SELECT project_id, name, unit FROM metric_series WHERE project_id = %s AND name = %s LIMIT 1)"
    with connection.cursor() as cursor:
        cursor.execute(
            " UNION ALL ".join([one] * len(metrics)), [part for metric in metrics for part in metric]
        )
        return {(project_id, name): unit for project_id, name, unit in cursor.fetchall()}
