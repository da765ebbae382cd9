"""Which rules take part in a backtest: the one in question, and those that it looks at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

from alerting.models import OnError, Rule
from alerting.replay.engine import ReplayedRule
from alerting.rule_types import ConditionError, rule_types
from alerting.rule_types.composite import resolve
from alerting.rule_types.conditions import Condition, RuleSettings, rule_state

NEW_RULE_ID = 0
"""No stored rule has it."""


@dataclass(frozen=True, slots=True)
class Cast:
    """`names` are those of all rules of the project that are not deleted, by id."""

    lead: ReplayedRule
    others: tuple[ReplayedRule, ...]
    names: Mapping[int, str]

    @property
    def rules(self) -> tuple[ReplayedRule, ...]:
        return (self.lead, *self.others)

    @property
    def sources(self) -> set[str]:
        """What telemetry they look at."""
        return {rule.source_type for rule in self.rules} - {"rule"}


def cast_of(rule: Rule, condition: Condition) -> Cast:
    """The rule, saved or not, as it would be with this condition, and the stored rules below it.

    Members that are disabled never fire, so they are named only.
    """
    lead = _replayed(rule, condition)
    if not lead.rule_type.members(condition):
        return Cast(lead, (), {})
    stored = {
        one.pk: one
        for one in Rule.objects.filter(project_id=rule.project_id, deleted_at=None)
        if one.pk != lead.id
    }
    names = {one.pk: one.name for one in stored.values()}
    found: dict[int, ReplayedRule] = {}
    waiting = [lead]
    while waiting:
        one = waiting.pop()
        for member in one.rule_type.members(one.condition):
            member_id, problem = resolve(member, names)
            if not problem and member_id not in found and (below := _readable(stored[member_id])):
                found[member_id] = below
                waiting.append(below)
    return Cast(lead, tuple(found.values()), {**names, lead.id: rule.name})


def with_interval(rule: ReplayedRule, interval_seconds: float) -> ReplayedRule:
    """The rule as it would be if it were evaluated each so many seconds."""
    return replace(rule, state=replace(rule.state, evaluation_interval_seconds=interval_seconds))


def with_unit(rule: ReplayedRule, unit: str) -> ReplayedRule:
    """The rule with words that write its numbers in this unit."""
    return replace(rule, state=replace(rule.state, unit=unit))


def _readable(rule: Rule) -> ReplayedRule | None:
    kind = rule_types().get(rule.rule_type)
    if kind is None or not rule.enabled:
        return None
    try:
        return _replayed(rule, kind.parse(rule.condition_config, rule.source_type))
    except ConditionError:
        return None


def _replayed(rule: Rule, condition: Condition) -> ReplayedRule:
    # A choice of the model is any text to the type checker.
    state = rule_state(condition, cast(RuleSettings, rule))
    return ReplayedRule(
        id=rule.pk or NEW_RULE_ID,
        name=rule.name,
        source_type=rule.source_type,
        rule_type=rule_types()[rule.rule_type],
        condition=condition,
        state=replace(state, last_evaluated_at=None),
        evaluation_delay_seconds=rule.evaluation_delay_seconds,
        alerts_on_error=rule.on_error == OnError.ALERT,
    )
