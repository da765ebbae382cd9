"""A value that never came before: an event's name, an error's text, a version, a country."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime

from alerting.rule_types import fields, selection
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import RuleInput, RuleType, describe_scope, describe_window
from alerting.rule_types.selection import EVENTS, Selection
from alerting.sources.reading import Reading, Seen
from alerting.sources.samples import Answer, LabelSet
from alerting.sources.scans import MAX_GROUPS
from alerting.state import Operator, Sample

LONGEST_LEARNING_MINUTES = 7 * 24 * 60
LARGEST_LIMIT = 1_000

LEARNED: LabelSet = ()
"""Noted when a rule has learned what there is: no value has this label set."""

Known = Mapping[LabelSet, Seen]


class NewValueCondition(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`group_by` names the labels whose values are to be known. `threshold`: how often a new one has to come."""

    operator: Operator = ">="
    threshold: float = 1
    group_by: tuple[str, ...] = ("event_name",)
    learn_minutes: float = 24 * 60
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Plan:
    records: selection.Plan
    learn_seconds: float


class NewValue(RuleType[NewValueCondition, Plan]):
    """Value: how many records have the new value; it is new until the window has passed since it was first seen."""

    name = "new_value"
    label = "a value never seen before"
    hint = (
        "Tells of values that never came before: a new event name, an error nobody knows, a version. "
        "The first look learns what there is and says nothing."
    )
    sources = selection.ALL_SOURCES
    judged_by = ("operator", "threshold", "critical_threshold", "limit")
    condition_class = NewValueCondition

    def check(self, condition: NewValueCondition, source: str) -> dict[str, str]:
        errors = selection.selection_errors(condition, source, needs_metric=False)
        if not condition.group_by:
            errors["group_by"] = "Name the label or column whose values are to be known."
        elif source != EVENTS and condition.group_by == ("event_name",):
            errors["group_by"] = (
                "Name the label or column whose values are to be known: only events have event_name."
            )
        if not condition.time_window_minutes <= condition.learn_minutes <= LONGEST_LEARNING_MINUTES:
            errors["learn_minutes"] = (
                f"Must be at least the window and at most {LONGEST_LEARNING_MINUTES} (a week)."
            )
        if not 1 <= condition.limit <= LARGEST_LIMIT:
            errors["limit"] = f"Must be 1 to {LARGEST_LIMIT}."
        return errors

    def describe(self, condition: NewValueCondition, source: str) -> str:
        records = selection.describe_records(condition, source)
        values = " and ".join(condition.group_by)
        where = describe_scope(condition).partition(" where ")[2]
        scope = f" where {where}" if where else ""
        often = "" if condition.threshold <= 1 else f", {condition.operator} {condition.threshold:g} times"
        return (
            f"new {values} in {records}{scope} within {describe_window(condition.time_window_minutes)}{often}"
        )

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        return {
            **fields.selection(source, is_counting=True),
            **fields.shared(source),
            "learn_minutes": fields.NumberField(
                label="Learn from the last (minutes)",
                required=False,
                help_text="What came in this time before the first look is known, not new.",
            ),
            "limit": fields.WholeNumberField(
                label="Most at once",
                required=False,
                help_text="More new values than this in one window make the rule unhealthy, not a flood.",
            ),
        }

    def is_zero_without_rows(self, condition: NewValueCondition, source: str) -> bool:
        return True

    def plan(self, condition: NewValueCondition, source: str) -> Plan:
        return Plan(selection.plan_of(source, condition, "count"), condition.learn_minutes * 60)

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[NewValueCondition]]
    ) -> dict[int, Answer]:
        source, window = plan.records.source, reading.window(plan.records.window_seconds)
        known = dict(reading.sources.remember({one.rule_id: () for one in inputs}, reading.now))
        if beginners := [one for one in inputs if LEARNED not in known[one.rule_id]]:
            known |= _learn(plan, reading, beginners)
        questions = [selection.counting(source, one.condition, one.rule_id) for one in inputs]
        answers = selection.ask(reading.sources, source, window, questions)
        counts = {rule_id: _counts(answer) for rule_id, answer in answers.items()}
        # Values that are known already cost no writing: only what is new is noted.
        unknown = {
            rule_id: found.keys() - known[rule_id].keys()
            for rule_id, found in counts.items()
            if found.keys() - known[rule_id].keys()
        }
        if unknown:
            known |= reading.sources.remember(unknown, reading.now)
        return {
            one.rule_id: _judge(one.condition, counts[one.rule_id], known[one.rule_id], window.start)
            for one in inputs
        }


def _learn(
    plan: Plan, reading: Reading, inputs: Sequence[RuleInput[NewValueCondition]]
) -> Mapping[int, Known]:
    source = plan.records.source
    questions = [selection.counting(source, one.condition, one.rule_id, wants_silent=True) for one in inputs]
    answers = selection.ask(reading.sources, source, reading.window(plan.learn_seconds), questions)
    present: dict[int, Set[LabelSet]] = {
        rule_id: {LEARNED, *answer.silent, *answer.samples} for rule_id, answer in answers.items()
    }
    return reading.sources.remember(present, reading.now)


def _counts(answer: Answer) -> dict[LabelSet, float]:
    """Records without the label have no value to be new."""
    return {
        labels: max(1.0, sample.value)
        for labels, sample in answer.samples.items()
        if labels and sample.value is not None
    }


def _judge(
    condition: NewValueCondition, counts: Mapping[LabelSet, float], known: Known, start: datetime
) -> Answer:
    learned_at = known[LEARNED].first_at
    new = {
        labels: Sample(count, remark=f"first seen {known[labels].first_at:%Y-%m-%d %H:%M} UTC")
        for labels, count in counts.items()
        if known[labels].first_at > max(learned_at, start)
    }
    values = " and ".join(condition.group_by)
    if len(new) > condition.limit:
        return Answer(
            problem=f"{len(new)} new values of {values} in one window, more than {condition.limit}: "
            "watch a label with fewer values, or raise the limit."
        )
    if len(known) > MAX_GROUPS:
        return Answer(
            problem=f"More than {MAX_GROUPS} values of {values} are known: watch a label with fewer."
        )
    return Answer(new)


RULE_TYPE = NewValue()
