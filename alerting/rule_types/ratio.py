"""A share of something: errors among requests, orders among visits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from alerting.rule_types import fields, selection, shares
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import RuleInput, RuleType, describe_limit, describe_window
from alerting.rule_types.selection import BUSINESS, METRICS, EventSelection
from alerting.rule_types.shares import Parts, Selected, Share
from alerting.sources.raw import RawQuestion
from alerting.sources.reading import Reading
from alerting.sources.samples import Aggregation, Answer, LabelSet
from alerting.state import Sample
from alerting.values import format_number
from projects.figures import RATIO

RatioAggregation = Literal["rate", "sum", "count", "avg"]


class RatioCondition(EventSelection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Both selections are filters beside `filters`; those of metrics and business metrics name a `metric`, too.

    `aggregation` of these two sources: absent, the rate of counters, the sum of business metrics.
    """

    numerator: Selected
    denominator: Selected = {}
    aggregation: RatioAggregation | None = None
    minimum_count: float = 1

    def unit_in(self, source: str) -> str:
        return RATIO

    def aggregation_in(self, source: str) -> Aggregation:
        return self.aggregation or shares.default_aggregation(source)


class Ratio(RuleType[RatioCondition, selection.Plan]):
    """Value: numerator / denominator, 0.05 being 5 %; no data while the denominator is below `minimum_count`."""

    name = "ratio"
    label = "a share of something"
    hint = (
        "Divides two counts: failed checkouts among all checkouts above 0.05, or orders among visits below 0.02. "
        "“At least” keeps it quiet while there is too little to judge."
    )
    sources = selection.ALL_SOURCES
    judged_by = ("operator", "threshold", "critical_threshold", "minimum_count")
    condition_class = RatioCondition

    def check(self, condition: RatioCondition, source: str) -> dict[str, str]:
        selected = {"numerator": condition.numerator, "denominator": condition.denominator}
        errors = shares.share_errors(selected, condition, source)
        if condition.aggregation and source not in {METRICS, BUSINESS}:
            errors["aggregation"] = "Only metrics have this: all others are counted."
        if not (math.isfinite(condition.minimum_count) and condition.minimum_count > 0):
            errors["minimum_count"] = "Must be more than 0."
        return errors

    def describe(self, condition: RatioCondition, source: str) -> str:
        part = shares.describe_selected(condition.numerator, source)
        whole = shares.describe_selected(condition.denominator, source) or "all of it"
        what = f"{part} / {whole}{shares.describe_common(condition, source)}"
        window = describe_window(condition.time_window_minutes)
        return f"{what} over {window} {describe_limit(condition, RATIO)}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        return {
            **fields.selected("numerator", "Share of", source, shares.EXAMPLES),
            **fields.selected("denominator", "Among", source, shares.EXAMPLES, required=False),
            **fields.common_events(source),
            **({"aggregation": _aggregation(source)} if source in {METRICS, BUSINESS} else {}),
            **fields.shared(source),
            "minimum_count": fields.minimum_count(),
        }

    def is_zero_without_rows(self, condition: RatioCondition, source: str) -> bool:
        return False

    def plan(self, condition: RatioCondition, source: str) -> selection.Plan:
        return selection.plan_of(source, condition, condition.aggregation_in(source))

    def measure(
        self, plan: selection.Plan, reading: Reading, inputs: Sequence[RuleInput[RatioCondition]]
    ) -> dict[int, Answer]:
        asked = [_share(plan.source, one) for one in inputs]
        window = reading.window(plan.window_seconds)
        found = shares.ask_both(reading.sources, plan.source, window, asked)
        return {one.rule_id: Answer(_samples(one.condition, plan, found[one.rule_id])) for one in inputs}

    def raw_questions(self, condition: RatioCondition, source: str) -> tuple[RawQuestion, ...]:
        """Those of the numerator: the errors, not all that went well."""
        return (shares.raw_question(source, condition.numerator, condition, condition.window_seconds),)


def _aggregation(source: str) -> ConditionField:
    field = fields.aggregation()
    field.initial = shares.default_aggregation(source)
    return field


def _share(source: str, one: RuleInput[RatioCondition]) -> Share:
    condition = one.condition
    aggregation = condition.aggregation_in(source)
    return Share(one.rule_id, condition.numerator, condition.denominator, condition, aggregation)


def _samples(condition: RatioCondition, plan: selection.Plan, parts: Parts) -> dict[LabelSet, Sample]:
    # What a rate says per second is judged as what it adds up to over the window.
    is_rate = condition.aggregation_in(plan.source) == "rate"
    factor = plan.window_seconds if is_rate else 1
    samples = {labels: Sample(None, stale=True) for labels in parts.ended}
    for labels, whole in parts.whole.items():
        samples[labels] = _sample(parts.part.get(labels, 0.0), whole, whole * factor, condition.minimum_count)
    return samples


def _sample(part: float, whole: float, count: float, minimum_count: float) -> Sample:
    if count < minimum_count or not whole:
        return Sample(None, remark=f"only {format_number(count)} of at least {format_number(minimum_count)}")
    return Sample(part / whole, remark=f"among {format_number(count)}")


RULE_TYPE = Ratio()
