"""A number over a window against a threshold: metrics, business metrics, spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import msgspec

from alerting.rule_types import fields
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import (
    Condition,
    RuleInput,
    RuleType,
    SourceName,
    describe_limit,
    describe_scope,
    describe_window,
)
from alerting.rule_types.selection import column_errors, is_counted, metric_error
from alerting.sources import metric_points
from alerting.sources.reading import Reading
from alerting.sources.samples import Aggregation, Answer, Question
from alerting.values import is_ratio_by_name
from projects.figures import RATIO


class MetricThresholdCondition(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    metric: str
    aggregation: Aggregation = "avg"

    def unit_in(self, source: str) -> str:
        if source == "trace":
            return RATIO if self.metric == "error_ratio" else ""
        return RATIO if self.keeps_unit and is_ratio_by_name(self.metric, self.threshold) else ""

    @property
    def keeps_unit(self) -> bool:
        """Whether its value is of the metric's own unit: a count and a rate are not."""
        return self.aggregation not in ("count", "rate")


class Plan(msgspec.Struct, frozen=True):
    """`shape` and `group_by` only where the source can't answer all of them by one query."""

    source: str
    window_seconds: float
    shape: Aggregation = "avg"
    group_by: tuple[str, ...] = ()


class MetricThreshold(RuleType[MetricThresholdCondition, Plan]):
    name = "metric_threshold"
    label = "a number against a threshold"
    hint = "Compares one number over the window: average CPU above 80, p95 of durations above 500."
    rank = 1
    sources: ClassVar[tuple[SourceName, ...]] = ("system_metric", "business_metric", "trace")
    condition_class = MetricThresholdCondition

    def check(self, condition: MetricThresholdCondition, source: str) -> dict[str, str]:
        errors: dict[str, str] = {}
        if problem := metric_error(condition.metric, source):
            errors["metric"] = problem
        return errors | column_errors(condition, source)

    def describe(self, condition: MetricThresholdCondition, source: str) -> str:
        window = describe_window(condition.time_window_minutes)
        is_plain = source == "trace" and condition.metric != "duration_ms"
        what = condition.metric if is_plain else f"{condition.aggregation} {condition.metric}"
        limit = describe_limit(condition, condition.unit_in(source))
        return f"{what}{describe_scope(condition)} over {window} {limit}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        return {"metric": fields.metric(), "aggregation": fields.aggregation(), **fields.shared(source)}

    def is_zero_without_rows(self, condition: MetricThresholdCondition, source: str) -> bool:
        return is_counted(source, condition.metric, condition.aggregation)

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
