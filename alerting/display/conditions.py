"""The condition of a rule as the admin shows it."""

from __future__ import annotations

from alerting.models import Rule
from alerting.rule_types import ConditionError, rule_types
from alerting.rule_types.conditions import Condition


def condition_of(rule: Rule) -> Condition | None:
    """The condition with its type's defaults; None where it can't be read."""
    kind = rule_types().get(rule.rule_type)
    try:
        return kind.parse(rule.condition_config, rule.source_type) if kind else None
    except ConditionError:
        return None


def sentence(rule: Rule) -> str:
    """The condition in plain words; what is wrong with it where it can't be read."""
    kind = rule_types().get(rule.rule_type)
    if kind is None:
        return f"unknown rule type {rule.rule_type}"
    try:
        return kind.describe(kind.parse(rule.condition_config, rule.source_type), rule.source_type)
    except ConditionError as error:
        return f"can't be used: {error}"
