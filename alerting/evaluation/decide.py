"""What a rule's answer does to its alerts. Pure: rows in, changes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from alerting.sources.samples import Answer, LabelSet
from alerting.state import AlertState, Change, RuleState, Sample, advance, is_true

NOTHING = Sample(None)
ZERO = Sample(0.0)
EDITED = "the rule was edited and no longer covers it"
BROKEN: LabelSet = (("rule_health", "unhealthy"),)
"""The label set of the alert that says that its rule can't be evaluated."""
MENDED = Sample(None, stale=True, remark="the rule can be evaluated again")

Firings = Mapping[tuple[int, LabelSet], Sequence[datetime]]
"""When label sets of rules fired lately."""


@dataclass(frozen=True, slots=True)
class KnownAlert:
    """An open alert, or one whose resolve by hand still suppresses its label set."""

    id: UUID
    labels: LabelSet
    state: AlertState


@dataclass(frozen=True, slots=True)
class EvaluatedRule:
    """One rule with everything its decisions depend on.

    `answer` None: it could not be evaluated, for the reason in `error`, and is to raise an alert about that.
    """

    id: int
    state: RuleState
    is_grouped: bool
    is_zero_without_rows: bool
    is_first_since_edit: bool
    answer: Answer | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """What one evaluation does to one label set. `alert_id` None: a new row. `state` None: the row goes.

    `change` None: only the value or a clock moved.
    """

    rule_id: int
    alert_id: UUID | None
    labels: LabelSet
    state: AlertState | None
    change: Change | None


def decide(
    rule: EvaluatedRule, alerts: Sequence[KnownAlert], now: datetime, firings: Firings = MappingProxyType({})
) -> list[Move]:
    """All moves of a rule's alerts; nothing where nothing changes."""
    by_labels: Mapping[LabelSet, KnownAlert] = {alert.labels: alert for alert in alerts}
    if rule.answer is None:
        return _raise_about(rule, by_labels.get(BROKEN), now)
    moves: list[Move] = []
    for labels, sample in _samples(rule, rule.answer, by_labels).items():
        alert = by_labels.get(labels)
        if alert is None and not _may_open(sample, rule.state):
            continue
        if alert and rule.is_first_since_edit and _is_gone(rule, rule.answer, labels):
            moves.append(_end(rule, alert, now))
            continue
        before, recent = alert.state if alert else None, firings.get((rule.id, labels), ())
        state, change = advance(before, sample, rule.state, now, recent)
        moves += _moves(rule, alert, labels, state, change)
    return moves


def _samples(
    rule: EvaluatedRule, answer: Answer, alerts: Mapping[LabelSet, KnownAlert]
) -> dict[LabelSet, Sample]:
    """A sample for every label set that has data, an alert, or exists in silence where that matters."""
    absent = ZERO if rule.is_zero_without_rows else NOTHING
    samples = dict(answer.samples)
    if not rule.is_grouped:
        samples.setdefault((), absent)
    for labels in answer.silent:
        samples.setdefault(labels, absent)
    for labels in alerts:
        samples.setdefault(labels, MENDED if labels == BROKEN else absent)
    return samples


def _raise_about(rule: EvaluatedRule, alert: KnownAlert | None, now: datetime) -> list[Move]:
    """The alert about a rule that can't be evaluated; its other alerts stay as they are."""
    sample = Sample(1.0, remark=rule.error)
    broken = RuleState(operator=">=", threshold=1, severity=rule.state.severity)
    state, change = advance(alert.state if alert else None, sample, broken, now)
    reason = f"the rule can't be evaluated: {rule.error}"
    return _moves(rule, alert, BROKEN, state, replace(change, reason=reason) if change else None)


def _may_open(sample: Sample, rule: RuleState) -> bool:
    """A quick no for the many label sets that are fine and have no alert."""
    if sample.value is None:
        return rule.no_data == "alert" and not sample.stale
    return is_true(sample.value, rule)


def _is_gone(rule: EvaluatedRule, answer: Answer, labels: LabelSet) -> bool:
    if labels == BROKEN or (not rule.is_grouped and not labels):
        return False
    return labels not in answer.samples and labels not in answer.silent


def _end(rule: EvaluatedRule, alert: KnownAlert, now: datetime) -> Move:
    """Close an alert whose label set the edited condition doesn't have."""
    state = alert.state
    if state.status == "pending":
        return Move(rule.id, alert.id, alert.labels, None, None)
    if state.status == "resolved":
        return Move(rule.id, alert.id, alert.labels, replace(state, suppressed_until=None), None)
    ended = replace(state, status="resolved", resolved_at=now, last_evaluated_at=now)
    return Move(rule.id, alert.id, alert.labels, ended, Change(state.status, "resolved", EDITED))


def _moves(
    rule: EvaluatedRule,
    alert: KnownAlert | None,
    labels: LabelSet,
    state: AlertState | None,
    change: Change | None,
) -> list[Move]:
    if alert is None:
        return [Move(rule.id, None, labels, state, change)] if state else []
    if not _is_worth_writing(alert.state, state):
        return []
    if state and alert.state.status == "resolved" and state.status != "resolved":
        lifted = replace(alert.state, suppressed_until=None)
        return [
            Move(rule.id, alert.id, labels, lifted, None),
            Move(rule.id, None, labels, state, change),
        ]
    return [Move(rule.id, alert.id, labels, state, change)]


def _is_worth_writing(before: AlertState, after: AlertState | None) -> bool:
    """A later watermark alone is not: the rule's own covers its alerts."""
    return after is None or replace(after, last_evaluated_at=before.last_evaluated_at) != before
