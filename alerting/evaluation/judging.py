"""What the tick and a replay do alike with a rule and its answer, before anything is decided. Pure."""

from __future__ import annotations

from alerting.evaluation.decide import EvaluatedRule
from alerting.rule_types import AnyRuleType
from alerting.rule_types.conditions import Condition
from alerting.sources.samples import Answer
from alerting.state import COMPARE, NoDataPolicy, RuleState

MAX_ALERTS = 1_000
"""Alerts one rule may have at once: past this it is the grouping that is wrong."""


def wants_silent(
    rule_type: AnyRuleType, condition: Condition, source: str, no_data: NoDataPolicy, *, has_alerts: bool
) -> bool:
    """Whether label sets that exist without data can change anything for a rule."""
    if has_alerts:
        return True
    if rule_type.is_zero_without_rows(condition, source):
        return COMPARE[condition.operator](0, condition.threshold)
    return no_data == "alert"


def may_move(condition: Condition, no_data: NoDataPolicy, answer: Answer, *, wants_silent: bool) -> bool:
    """Whether an answer may open an alert, or move one that there is: of most rules it can't, and nothing is decided.

    Without alerts only a value past the threshold does, or one that is missing where that is wrong.
    """
    if wants_silent or no_data == "alert":
        return True
    compare, threshold = COMPARE[condition.operator], condition.threshold
    values = [sample.value for sample in answer.samples.values()]
    return any(value is not None and compare(value, threshold) for value in values)


def answer_error(condition: Condition, no_data: NoDataPolicy, answer: Answer) -> str:
    """Why a rule can't be decided by this answer: its own problem, or too many alerts; empty when it can."""
    if answer.problem:
        return answer.problem
    if len(answer.samples) + len(answer.silent) <= MAX_ALERTS:
        return ""
    compare = COMPARE[condition.operator]
    values = (sample.value for sample in answer.samples.values())
    count = sum(value is not None and compare(value, condition.threshold) for value in values)
    count += len(answer.silent) if no_data == "alert" else 0
    if count <= MAX_ALERTS:
        return ""
    return f"The condition is true for {count} label sets, more than {MAX_ALERTS}: group by fewer labels."


def broken(rule_id: int, severity: str, error: str) -> EvaluatedRule:
    """A rule that could not be measured and is to raise an alert about that."""
    state = RuleState(operator=">=", threshold=1, severity=severity)
    return EvaluatedRule(rule_id, state, True, False, False, None, error)
