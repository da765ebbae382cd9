"""Something that should come and doesn't: fewer records in the window than there should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.rule_types import fields, selection
from alerting.rule_types.condition_field import ConditionField
from alerting.rule_types.conditions import (
    RuleInput,
    RuleType,
    describe_limit,
    describe_scope,
    describe_window,
)
from alerting.rule_types.selection import Selection
from alerting.sources.reading import Reading, Seen
from alerting.sources.samples import EVERY_LABEL, Answer, LabelSet
from alerting.state import Operator, Sample

LONGEST_MEMORY_MINUTES = 90 * 24 * 60
NEVER = Sample(0.0, remark="nothing was ever seen")
GONE = Sample(None, stale=True, remark="not seen for so long that it is taken for gone")

Counts = Mapping[LabelSet, float]


class AbsenceCondition(Selection, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`forget_after_minutes`: a label set that is silent for longer is gone for good, and its alert resolves."""

    operator: Operator = "<"
    threshold: float = 1
    forget_after_minutes: float = 24 * 60


@dataclass(frozen=True, slots=True)
class Plan:
    records: selection.Plan
    forget_after_minutes: float


class Absence(RuleType[AbsenceCondition, Plan]):
    """Value: how many records there are; of metrics their observations, and at least 1 where there is any point."""

    name = "absence"
    label = "nothing comes any more"
    hint = (
        "Wrong when fewer records come than should: below 1 means silence. With “one alert for each”, "
        "every value that was seen before is missed by itself, such as a host or a shop."
    )
    sources = selection.ALL_SOURCES
    condition_class = AbsenceCondition

    def check(self, condition: AbsenceCondition, source: str) -> dict[str, str]:
        errors = selection.selection_errors(condition, source, needs_metric=False)
        if not condition.time_window_minutes <= condition.forget_after_minutes <= LONGEST_MEMORY_MINUTES:
            errors["forget_after_minutes"] = (
                f"Must be at least the window and at most {LONGEST_MEMORY_MINUTES} (90 days)."
            )
        return errors

    def describe(self, condition: AbsenceCondition, source: str) -> str:
        records = selection.describe_records(condition, source)
        scope, window = describe_scope(condition), describe_window(condition.time_window_minutes)
        if (condition.operator, condition.threshold) == ("<", 1):
            return f"no {records.removeprefix('any ')}{scope} for {window}"
        return f"number of {records}{scope} over {window} {describe_limit(condition)}"

    def form_fields(self, source: str) -> dict[str, ConditionField]:
        forget = fields.NumberField(
            label="Forget after (minutes)",
            help_text="With one alert for each: what was silent for so long is gone, and its alert resolves.",
        )
        return {
            **fields.selection(source, is_counting=True),
            **fields.shared(source),
            "forget_after_minutes": forget,
        }

    def is_zero_without_rows(self, condition: AbsenceCondition, source: str) -> bool:
        return True

    def plan(self, condition: AbsenceCondition, source: str) -> Plan:
        return Plan(selection.plan_of(source, condition, "count"), condition.forget_after_minutes)

    def measure(
        self, plan: Plan, reading: Reading, inputs: Sequence[RuleInput[AbsenceCondition]]
    ) -> dict[int, Answer]:
        records = plan.records
        questions = [
            selection.counting(records.source, one.condition, one.rule_id, wants_silent=True)
            for one in inputs
        ]
        window = reading.window(records.window_seconds)
        answers = selection.ask(reading.sources, records.source, window, questions)
        seen = {rule_id: _counts(answer) for rule_id, answer in answers.items()}
        gone_at = reading.now - timedelta(minutes=plan.forget_after_minutes)
        # Twice as long in memory as it counts: meanwhile the evaluations say that it is gone.
        known = reading.sources.remember(seen, reading.now, gone_at - (reading.now - gone_at))
        silent = {
            rule_id: _silent(answer) - known[rule_id].keys() - seen[rule_id].keys()
            for rule_id, answer in answers.items()
        }
        if unknown := {rule_id: labels for rule_id, labels in silent.items() if labels}:
            known = {**known, **reading.sources.remember(unknown, reading.now)}
        return {
            one.rule_id: Answer(_samples(one.condition, seen[one.rule_id], known[one.rule_id], gone_at))
            for one in inputs
        }


def _counts(answer: Answer) -> Counts:
    """How much each label set has in the window; a point without an observation was seen as well."""
    return {labels: max(1.0, one.value) for labels, one in answer.samples.items() if one.value is not None}


def _silent(answer: Answer) -> Set[LabelSet]:
    """What lives elsewhere in the last day, and what a stale marker ended: it is as absent as Prometheus has it."""
    return answer.silent | {labels for labels, sample in answer.samples.items() if sample.value is None}


def _samples(
    condition: AbsenceCondition, counts: Counts, known: Mapping[LabelSet, Seen], gone_at: datetime
) -> dict[LabelSet, Sample]:
    samples = {labels: Sample(count) for labels, count in counts.items()}
    for labels, seen in known.items():
        if labels not in samples and _is_covered(condition, labels):
            is_gone = bool(condition.group_by) and seen.last_at <= gone_at
            samples[labels] = GONE if is_gone else Sample(0.0, remark=f"nothing since {_time(seen.last_at)}")
    if not condition.group_by:
        samples.setdefault((), NEVER)
    return samples


def _is_covered(condition: AbsenceCondition, labels: LabelSet) -> bool:
    """Memory may hold what a former grouping of the rule saw while it was edited."""
    if condition.group_by == EVERY_LABEL:
        return True
    return {name for name, _ in labels} <= set(condition.group_by)


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


RULE_TYPE = Absence()
