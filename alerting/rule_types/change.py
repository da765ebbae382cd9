"""A number against what it was: in the window before, or at the same time a day or a week ago."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from alerting.rule_types import fields, selection
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import (
    RuleInput,
    RuleType,
    describe_limit,
    describe_scope,
    describe_window,
)
from alerting.rule_types.selection import MeasuredSelection
from alerting.sources.reading import Reading
from alerting.sources.samples import Answer, LabelSet
from alerting.state import Sample
from alerting.values import PERCENT, format_number

ComparedTo = Literal["window_before", "day_ago", "week_ago"]
ChangeIn = Literal["percent", "absolute"]

DAY_SECONDS = 86_400
WORDS: Mapping[ComparedTo, str] = {
    "window_before": "the window before",
    "day_ago": "a day ago",
    "week_ago": "a week ago",
}


class ChangeCondition(MeasuredSelection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    compared_to: ComparedTo = "window_before"
    change_in: ChangeIn = "percent"
    minimum_count: float = 0

    def unit_in(self, source: str) -> str:
        return PERCENT if self.change_in == "percent" else ""


@dataclass(frozen=True, slots=True)
class Plan:
    now: selection.Plan
    back_seconds: float


class Change(RuleType[ChangeCondition, Plan]):
    """Value: now - before, or that in percent of before; a fall is negative.

    No data where both numbers are closer to 0 than `minimum_count`, and for percent of a 0.
    """

    name = "change"
    label = "a change against earlier"
    hint = (
        "Compares now with earlier: orders below -50 % against a week ago, errors above 200 % against "
        "the window before. A fall is a negative number."
    )
    sources = selection.ALL_SOURCES
    judged_by = ("operator", "threshold", "critical_threshold", "change_in", "minimum_count")
    condition_class = ChangeCondition

    def check(self, condition: ChangeCondition, source: str) -> dict[str, str]:
        errors = selection.selection_errors(condition, source)
        if not (math.isfinite(condition.minimum_count) and condition.minimum_count >= 0):
            errors["minimum_count"] = "Must be 0 or more."
        return errors

    def describe(self, condition: ChangeCondition, source: str) -> str:
        what = f"{selection.describe_measured(condition, source)}{describe_scope(condition)}"
        window = describe_window(condition.time_window_minutes)
        against = WORDS[condition.compared_to]
        limit = describe_limit(condition, condition.unit_in(source))
        return f"change of {what} over {window} against {against} {limit}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        return {
            **fields.selection(source),
            **fields.scope(source),
            "compared_to": fields.choice(
                "Compared with", [(name, text.capitalize()) for name, text in WORDS.items()], "window_before"
            ),
            **fields.limit(),
            "change_in": fields.choice(
                "Change in", [("percent", "Percent"), ("absolute", "The number itself")], "percent"
            ),
            "minimum_count": fields.minimum_count(),
        }

    def is_zero_without_rows(self, condition: ChangeCondition, source: str) -> bool:
        return False

    def plan(self, condition: ChangeCondition, source: str) -> Plan:
        back_seconds: Mapping[ComparedTo, float] = {
            "window_before": condition.window_seconds,
            "day_ago": DAY_SECONDS,
            "week_ago": 7 * DAY_SECONDS,
        }
        now = selection.plan_of(source, condition, condition.aggregation)
        return Plan(now, back_seconds[condition.compared_to])

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[ChangeCondition]]
    ) -> dict[int, Answer]:
        source, length = plan.now.source, plan.now.window_seconds
        questions = [
            selection.measuring(source, one.condition, one.rule_id, one.wants_silent) for one in inputs
        ]
        now = selection.ask(reading.sources, source, reading.window(length), questions)
        earlier = reading.window(length, plan.back_seconds)
        before = selection.ask(reading.sources, source, earlier, questions)
        return {
            one.rule_id: _compare(one.condition, source, now[one.rule_id], before[one.rule_id])
            for one in inputs
        }


def _compare(condition: ChangeCondition, source: str, now: Answer, before: Answer) -> Answer:
    absent = 0.0 if selection.is_counted(source, condition.metric or "", condition.aggregation) else None
    samples = {labels: one for labels, one in now.samples.items() if one.stale}
    for labels in _label_sets(condition, now, before) - samples.keys():
        samples[labels] = changed(condition, _value(now, labels, absent), _value(before, labels, absent))
    return Answer(samples, now.silent)


def changed(condition: ChangeCondition, now: float | None, before: float | None) -> Sample:
    """The sample of one label set from its two numbers, None being no data."""
    if now is None or before is None:
        return Sample(None, remark=f"no data {'now' if now is None else WORDS[condition.compared_to]}")
    numbers = f"{format_number(now)} now, {format_number(before)} {WORDS[condition.compared_to]}"
    if max(abs(now), abs(before)) < condition.minimum_count:
        return Sample(None, remark=f"{numbers}: below {format_number(condition.minimum_count)}")
    if condition.change_in == "absolute":
        return Sample(now - before, remark=numbers)
    if before == 0:
        return Sample(None, remark=f"{numbers}: there is no percentage of 0")
    return Sample(100 * (now - before) / abs(before), remark=numbers)


def _label_sets(condition: ChangeCondition, now: Answer, before: Answer) -> set[LabelSet]:
    found = {labels for one in (now, before) for labels, sample in one.samples.items() if not sample.stale}
    return found if condition.group_by else {()}


def _value(answer: Answer, labels: LabelSet, absent: float | None) -> float | None:
    sample = answer.samples.get(labels)
    return absent if sample is None or sample.value is None else sample.value


RULE_TYPE = Change()
