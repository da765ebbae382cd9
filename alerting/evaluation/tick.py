"""The tick itself: load, decide, save."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from alerting.bounds import bounded_transaction
from alerting.evaluation.claim import ClaimedRule, claim_due
from alerting.evaluation.decide import EvaluatedRule, decide
from alerting.evaluation.judging import broken
from alerting.evaluation.load import alerts_of, recent_firings
from alerting.evaluation.measure import Measured, measure_all
from alerting.evaluation.save import mark_evaluated, mark_unhealthy, write_moves
from alerting.models import OnError
from alerting.rule_types.conditions import rule_state
from alerting.units import units_of


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick did."""

    rule_count: int
    unhealthy_count: int
    change_count: int
    duration_ms: float


def evaluate_due(now: datetime) -> Tick:
    """Evaluate every rule that is due at `now`.

    1. Claim the due rules and commit, so that no other process takes them and a crash costs one slot.
    2. Measure them, one query per group of rules.
    3. Decide, without locks, which rules have anything to change: most have nothing.
    4. In one transaction: mark all as evaluated, lock the alerts of those rules, decide again on the locked rows
       (a person may have acknowledged meanwhile), write alerts, transitions and outbox.
    """
    started = time.perf_counter()
    claimed = claim_due(now)
    if not claimed:
        return Tick(0, 0, 0, _ms_since(started))
    with bounded_transaction():
        alerts = alerts_of([rule.id for rule in claimed], now)
    measured = measure_all(claimed, set(alerts), now)
    evaluated = {one.rule.id: ready for one in measured if one.may_move and (ready := _evaluated(one))}
    moving = [rule_id for rule_id, rule in evaluated.items() if decide(rule, alerts.get(rule_id, ()), now)]
    rules = {rule.id: rule for rule in claimed}
    reasons = {one.rule.id: one.error for one in measured if one.error}
    with bounded_transaction():
        unhealthy = mark_unhealthy([(rules[rule_id], reason) for rule_id, reason in reasons.items()], now)
        counted = mark_evaluated([one for one in measured if not one.error], moving, now) | unhealthy
        due = [evaluated[rule_id] for rule_id in moving if rule_id in counted]
        changes = _save(due, measured, rules, now)
    return Tick(len(claimed), len(unhealthy), changes, _ms_since(started))


def _save(
    moving: Sequence[EvaluatedRule],
    measured: Sequence[Measured],
    rules: dict[int, ClaimedRule],
    now: datetime,
) -> int:
    if not moving:
        return 0
    ids = [rule.id for rule in moving]
    locked = alerts_of(ids, now, lock=True)
    firings = recent_firings(ids, now)
    decided = {rule.id: decide(rule, locked.get(rule.id, ()), now, firings) for rule in moving}
    saying = [rule for rule in moving if any(move.change for move in decided[rule.id])]
    with_units = _with_units(saying, measured)
    for rule in with_units:
        decided[rule.id] = decide(rule, locked.get(rule.id, ()), now, firings)
    states = {rule.id: rule.state for rule in (*moving, *with_units)}
    return write_moves([move for moves in decided.values() for move in moves], rules, states, now)


def _with_units(saying: Sequence[EvaluatedRule], measured: Sequence[Measured]) -> list[EvaluatedRule]:
    """Those whose words need another unit than their condition tells; decisions need none, so few are asked for."""
    if not saying:
        return []
    ids = {rule.id for rule in saying}
    known = {one.rule.id: one for one in measured if one.rule.id in ids}
    watched = [(known[rule.id].rule, known[rule.id].condition if rule.answer else None) for rule in saying]
    return [
        replace(rule, state=replace(rule.state, unit=unit))
        for rule, unit in zip(saying, units_of(watched), strict=True)
        if unit != rule.state.unit
    ]


def _evaluated(one: Measured) -> EvaluatedRule | None:
    rule = one.rule
    if one.rule_type is None or one.condition is None or one.answer is None:
        if rule.on_error != OnError.ALERT:
            return None
        return broken(rule.id, rule.severity, one.error)
    return EvaluatedRule(
        id=rule.id,
        state=rule_state(one.condition, rule),
        is_grouped=bool(one.condition.group_by),
        is_zero_without_rows=one.rule_type.is_zero_without_rows(one.condition, rule.source_type),
        is_first_since_edit=rule.is_first_since_edit,
        answer=one.answer,
    )


def _ms_since(started: float) -> float:
    return (time.perf_counter() - started) * 1000
