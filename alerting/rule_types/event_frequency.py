"""Events that happen too often (or too seldom): a count over a window against a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from alerting.rule_types import fields
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import (
    RuleInput,
    RuleType,
    SourceName,
    describe_limit,
    describe_scope,
    describe_window,
)
from alerting.rule_types.event_matchers import named_in_words
from alerting.rule_types.selection import EventSelection, counting_events, event_errors
from alerting.sources.reading import Reading
from alerting.sources.samples import Answer
from alerting.state import Operator


class EventFrequencyCondition(EventSelection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    operator: Operator = ">="


@dataclass(frozen=True, slots=True)
class Plan:
    window_seconds: float
    group_by: tuple[str, ...]


class EventFrequency(RuleType[EventFrequencyCondition, Plan]):
    name = "event_frequency"
    label = "how often they happen"
    hint = "Counts events over the window: errors at or above 10 in 5 minutes, sign-ups below 3 in an hour."
    rank = 0
    sources: ClassVar[tuple[SourceName, ...]] = ("telemetry_event",)
    condition_class = EventFrequencyCondition

    def check(self, condition: EventFrequencyCondition, source: str) -> dict[str, str]:
        return event_errors(condition)

    def describe(self, condition: EventFrequencyCondition, source: str) -> str:
        what = named_in_words(condition.matcher) or "any"
        window = describe_window(condition.time_window_minutes)
        return f"number of {what} events{describe_scope(condition)} over {window} {describe_limit(condition)}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        return {**fields.events(), **fields.shared(source)}

    def is_zero_without_rows(self, condition: EventFrequencyCondition, source: str) -> bool:
        return True

    def plan(self, condition: EventFrequencyCondition, source: str) -> Plan:
        return Plan(condition.window_seconds, condition.group_by)

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[EventFrequencyCondition]]
    ) -> dict[int, Answer]:
        questions = [counting_events(one.rule_id, one.condition.matcher, plan.group_by) for one in inputs]
        return reading.sources.events(reading.window(plan.window_seconds), plan.group_by, questions)


RULE_TYPE = EventFrequency()
