"""A number over a window against a threshold: metrics, business metrics, spans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

from django import forms

from alerting.rule_types import fields
from alerting.rule_types.conditions import (
    MAX_TEXT,
    Condition,
    RuleInput,
    RuleType,
    SourceName,
    describe_scope,
    describe_window,
)
from alerting.sources import metric_points, spans
from alerting.sources.reading import Reading
from alerting.sources.samples import EVERY_LABEL, Aggregation, Answer, Question
from alerting.state import format_number

SPAN_METRICS = get_args(spans.SpanMetric)


class MetricThresholdCondition(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    metric: str
    aggregation: Aggregation = "avg"


@dataclass(frozen=True, slots=True)
class Plan:
    """`shape` and `group_by` only where the source can't answer all of them by one query."""

    source: str
    window_seconds: float
    shape: Aggregation = "avg"
    group_by: tuple[str, ...] = ()


class MetricThreshold(RuleType[MetricThresholdCondition, Plan]):
    name = "metric_threshold"
    label = "a number against a threshold"
    sources: ClassVar[tuple[SourceName, ...]] = ("system_metric", "business_metric", "trace")
    condition_class = MetricThresholdCondition

    def check(self, condition: MetricThresholdCondition, source: str) -> dict[str, str]:
        errors: dict[str, str] = {}
        if not condition.metric or len(condition.metric) > MAX_TEXT or "\0" in condition.metric:
            errors["metric"] = f"Must have 1 to {MAX_TEXT} characters."
        if source == "trace":
            errors |= _check_spans(condition)
        return errors

    def describe(self, condition: MetricThresholdCondition, source: str) -> str:
        window = describe_window(condition.time_window_minutes)
        limit = f"{condition.operator} {format_number(condition.threshold)}"
        is_plain = source == "trace" and condition.metric != "duration_ms"
        what = condition.metric if is_plain else f"{condition.aggregation} {condition.metric}"
        return f"{what}{describe_scope(condition)} over {window} {limit}"

    def form_fields(self) -> dict[str, forms.Field]:
        return {
            "metric": fields.text(
                "Metric",
                f"For example cpu_usage. For traces one of {', '.join(SPAN_METRICS)}.",
                required=True,
            ),
            "aggregation": fields.choice(
                "Aggregation", [(name, name) for name in get_args(Aggregation)], "avg"
            ),
            **fields.shared(),
        }

    def is_zero_without_rows(self, condition: MetricThresholdCondition, source: str) -> bool:
        if source == "trace":
            return spans.is_counted(condition.metric, condition.aggregation)
        return condition.aggregation in {"count", "rate"}

    def plan(self, condition: MetricThresholdCondition, source: str) -> Plan:
        match source:
            case "system_metric":
                return Plan(source, condition.window_seconds, metric_points.shape_of(condition.aggregation))
            case "trace":
                return Plan(source, condition.window_seconds, group_by=condition.group_by)
            case _:
                return Plan(source, condition.window_seconds)

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[MetricThresholdCondition]]
    ) -> dict[int, Answer]:
        window = reading.window(plan.window_seconds)
        questions = [_question(one) for one in inputs]
        match plan.source:
            case "system_metric":
                return reading.sources.metric_points(window, plan.shape, questions)
            case "trace":
                return reading.sources.spans(window, plan.group_by, questions)
            case _:
                return reading.sources.business_metrics(window, questions)


def _check_spans(condition: MetricThresholdCondition) -> dict[str, str]:
    errors: dict[str, str] = {}
    if condition.metric not in SPAN_METRICS:
        errors["metric"] = f"Must be one of {', '.join(SPAN_METRICS)} for traces."
    if condition.group_by == EVERY_LABEL:
        errors["group_by"] = "Name the columns: spans have no fixed set of labels."
    elif problem := spans.COLUMNS.group_error(condition.group_by):
        errors["group_by"] = problem
    if unknown := spans.COLUMNS.unknown(condition.filters):
        errors["filters"] = unknown
    return errors


def _question(one: RuleInput[MetricThresholdCondition]) -> Question:
    condition = one.condition
    return Question(
        one.rule_id,
        condition.metric,
        condition.aggregation,
        condition.text_filters,
        condition.group_by,
        one.wants_silent,
    )


RULE_TYPE = MetricThreshold()
