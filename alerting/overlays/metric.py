"""What a chart of one metric shows of alerting: the rules that watch it, and their alerts at the time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from django.db.models import Q
from django.urls import reverse

from alerting.display.conditions import condition_of
from alerting.models import Alert, Rule, Source
from alerting.overlays.episodes import bands_of
from alerting.rule_types.metric_threshold import MetricThresholdCondition
from alerting.sources.samples import text_of
from alerting.units import units_of
from alerting.values import value_text
from projects import figures
from projects.pages.charts import LARGEST

MOST_RULES = 50
MOST_ALERTS = 200
_GROWING = {"sum", "count"}
"""Aggregations that are the larger, the longer the stretch is that they are of."""


class ThresholdAnswer(TypedDict):
    value: float
    label: str
    state: str
    url: str


class OtherAnswer(ThresholdAnswer):
    """`why` it stands at no place of the chart's axis."""

    why: str


class BandAnswer(TypedDict):
    start: str
    end: str
    label: str
    state: str
    url: str


class Overlays(TypedDict):
    """`state` names a colour: a severity, or "quiet". Times are RFC 3339; `others` are not to be drawn."""

    thresholds: list[ThresholdAnswer]
    others: list[OtherAnswer]
    bands: list[BandAnswer]


@dataclass(frozen=True, slots=True)
class MetricQuestion:
    """A metric between two moments, of series that have these labels.

    `aggregation`: what the chart shows of it; "" where limits of all aggregations are wanted. `bucket_seconds`: what a
    point of the chart stands for; 0 where limits over any stretch are wanted.
    """

    project_id: int
    metric_name: str
    labels: Mapping[str, str]
    start: datetime
    end: datetime
    aggregation: str = ""
    bucket_seconds: float = 0


@dataclass(frozen=True, slots=True)
class _Watch:
    """A rule whose threshold is a value of the metric; `unit` says how that is written."""

    rule: Rule
    condition: MetricThresholdCondition
    unit: str


def overlays(question: MetricQuestion, now: datetime, *, with_rules: bool, with_alerts: bool) -> Overlays:
    """Three queries, whatever there is: at most 50 rules, and of their alerts the newest 200 of the time.

    Rules and alerts each only for those who may look at them.
    """
    rules = [rule for rule in _rules(question) if _is_compatible(rule.condition_config, question.labels)]
    watches = [
        (watch, _why_not(watch.condition, question)) for watch in _watches(rules if with_rules else ())
    ]
    return Overlays(
        thresholds=[limit for watch, why in watches if not why for limit in _limits(watch)],
        others=[
            OtherAnswer(**limit, why=why)
            for watch, why in watches
            if why
            for limit in _limits(watch, with_aggregation=True)
        ],
        bands=_bands(rules, question, now) if rules and with_alerts else [],
    )


def _rules(question: MetricQuestion) -> list[Rule]:
    watching = Rule.objects.filter(
        project=question.project_id,
        deleted_at=None,
        source_type=Source.SYSTEM_METRIC,
        condition_config__metric=question.metric_name,
    )
    return list(watching.order_by("name", "id")[:MOST_RULES])


def _is_compatible(condition: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a rule may look at series with these labels: no filter of it says otherwise."""
    filters = condition.get("filters")
    if not isinstance(filters, Mapping):
        return True
    return all(text_of(value) == labels.get(name, text_of(value)) for name, value in filters.items())


def _watches(rules: Iterable[Rule]) -> list[_Watch]:
    """The enabled ones; a ratio's or a change's threshold would stand at no place of the metric."""
    found = [(rule, condition_of(rule)) for rule in rules if rule.enabled]
    return [
        _Watch(rule, condition, unit)
        for (rule, condition), unit in zip(found, units_of(found), strict=True)
        if isinstance(condition, MetricThresholdCondition)
    ]


def _why_not(condition: MetricThresholdCondition, question: MetricQuestion) -> str:
    """Why the chart can't show the condition's thresholds; "" where it can."""
    if question.aggregation not in ("", condition.aggregation):
        return "threshold of another aggregation, not drawn"
    differs = question.bucket_seconds not in (0, condition.window_seconds)
    if condition.aggregation not in _GROWING or not differs:
        return ""
    rule_window, bucket = (
        figures.duration(1000 * seconds) for seconds in (condition.window_seconds, question.bucket_seconds)
    )
    return f"threshold over {rule_window}, while a point here stands for {bucket}: not drawn"


def _limits(watch: _Watch, *, with_aggregation: bool = False) -> list[ThresholdAnswer]:
    rule, condition = watch.rule, watch.condition
    name = f"{rule.name}: {condition.aggregation}" if with_aggregation else rule.name
    url = reverse("admin:alerting_rule_change", args=[rule.pk])
    limits = ((condition.threshold, rule.severity), (condition.critical_threshold, "critical"))
    return [
        ThresholdAnswer(
            value=value,
            label=f"{name} {condition.operator} {value_text(value, watch.unit)}",
            state=severity,
            url=url,
        )
        for value, severity in limits
        if value is not None and abs(value) <= LARGEST
    ]


def _bands(rules: list[Rule], question: MetricQuestion, now: datetime) -> list[BandAnswer]:
    opened = Alert.objects.filter(
        Q(resolved_at=None) | Q(resolved_at__gt=question.start),
        rule__in=rules,
        pending_since__lt=question.end,
    )
    alerts = [
        alert
        for alert in opened.order_by("-pending_since", "-id")[:MOST_ALERTS]
        if _has(alert.labels, question.labels)
    ]
    return [
        BandAnswer(
            start=band.start.isoformat(),
            end=band.end.isoformat(),
            label=band.label,
            state=band.state,
            url=reverse("admin:alerting_alert_change", args=[alert.pk]),
        )
        for alert in alerts
        for band in bands_of([alert], question.start, question.end, now)
    ]


def _has(labels: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """A label that the alert's rule doesn't group by may have any value."""
    return all(str(labels.get(name, value)) == value for name, value in wanted.items())
