"""Events that happen too often (or too seldom): a count over a window against a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

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
from alerting.sources import events
from alerting.sources.reading import Reading
from alerting.sources.samples import EVERY_LABEL, Answer, Question
from alerting.state import Operator, format_number

NAMES = ("event_type", "event_name", "event_category")


class EventFrequencyCondition(Condition, frozen=True, forbid_unknown_fields=True, kw_only=True):
    operator: Operator = ">="
    event_type: str | None = None
    event_name: str | None = None
    event_category: str | None = None

    @property
    def event_filters(self) -> tuple[tuple[str, str], ...]:
        """`filters` and the named columns as one list."""
        named = {name: value for name in NAMES if (value := getattr(self, name))}
        return tuple(sorted({**dict(self.text_filters), **named}.items()))


@dataclass(frozen=True, slots=True)
class Plan:
    window_seconds: float
    group_by: tuple[str, ...]


class EventFrequency(RuleType[EventFrequencyCondition, Plan]):
    name = "event_frequency"
    label = "how often they happen"
    sources: ClassVar[tuple[SourceName, ...]] = ("telemetry_event",)
    condition_class = EventFrequencyCondition

    def check(self, condition: EventFrequencyCondition, source: str) -> dict[str, str]:
        errors: dict[str, str] = {}
        for name in NAMES:
            value = getattr(condition, name)
            if value is not None and (len(value) > MAX_TEXT or "\0" in value):
                errors[name] = f"Must have at most {MAX_TEXT} characters."
            elif value and name in condition.filters:
                errors["filters"] = f"{name} is given twice."
        if condition.group_by == EVERY_LABEL:
            errors["group_by"] = "Name the columns: events have no fixed set of labels."
        elif problem := events.COLUMNS.group_error(condition.group_by):
            errors["group_by"] = problem
        if unknown := events.COLUMNS.unknown(condition.filters):
            errors["filters"] = unknown
        return errors

    def describe(self, condition: EventFrequencyCondition, source: str) -> str:
        what = " ".join(value for name in NAMES if (value := getattr(condition, name))) or "any"
        window = describe_window(condition.time_window_minutes)
        limit = f"{condition.operator} {format_number(condition.threshold)}"
        return f"number of {what} events{describe_scope(condition)} over {window} {limit}"

    def form_fields(self) -> dict[str, forms.Field]:
        return {
            "event_type": fields.text("Event type", "For example error_event. Empty takes every type."),
            "event_name": fields.text("Event name"),
            "event_category": fields.text("Event category"),
            **fields.shared(),
        }

    def is_zero_without_rows(self, condition: EventFrequencyCondition, source: str) -> bool:
        return True

    def plan(self, condition: EventFrequencyCondition, source: str) -> Plan:
        return Plan(condition.window_seconds, condition.group_by)

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[EventFrequencyCondition]]
    ) -> dict[int, Answer]:
        questions = [
            Question(one.rule_id, "events", "count", one.condition.event_filters, plan.group_by)
            for one in inputs
        ]
        return reading.sources.events(reading.window(plan.window_seconds), plan.group_by, questions)


RULE_TYPE = EventFrequency()
