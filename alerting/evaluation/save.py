"""Writing what a tick changed: a few statements however many rules and alerts there are."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

import msgspec
from django.db import connection

from alerting import outbox
from alerting.evaluation.arrays import array_text
from alerting.evaluation.claim import ClaimedRule, microseconds_sql
from alerting.evaluation.decide import Move
from alerting.evaluation.evidence import evidence
from alerting.evaluation.measure import Measured
from alerting.models import Alert, Transition
from alerting.sources.samples import LabelSet
from alerting.state import CLOCK_SLACK, CRITICAL, AlertState, RuleState

ACTOR = "rule tick"

# Rules edited, disabled, deleted or evaluated by someone else since the claim keep what that did.
_IS_AS_CLAIMED = f"""
    r.id = claimed.id AND r.enabled AND r.deleted_at IS NULL
    AND {microseconds_sql("r.condition_changed_at")} IS NOT DISTINCT FROM claimed.condition_changed_us
    AND (r.last_evaluated_at IS NULL OR r.last_evaluated_at < %(now)s OR r.last_evaluated_at > %(now)s + %(slack)s)
"""
_MARK_EVALUATED = f"""
    WITH marked AS (
        UPDATE alerting_rule AS r
        SET last_evaluated_at = %(now)s, last_evaluation_duration_ms = claimed.duration_ms, health = 'ok',
            last_error = ''
        FROM unnest(%(ids)s::bigint[], %(edits)s::bigint[], %(durations_ms)s::float8[])
             AS claimed(id, condition_changed_us, duration_ms)
        WHERE {_IS_AS_CLAIMED}
        RETURNING r.id
    )
    SELECT id FROM marked WHERE id = ANY(%(moving)s::bigint[])
"""
_MARK_UNHEALTHY = f"""
    UPDATE alerting_rule AS r SET health = 'unhealthy', last_error = claimed.reason
    FROM unnest(%(ids)s::bigint[], %(edits)s::bigint[], %(reasons)s::text[])
         AS claimed(id, condition_changed_us, reason)
    WHERE {_IS_AS_CLAIMED}
    RETURNING r.id
"""
_STATE_COLUMNS = {
    "status": "text",
    "pending_since": "timestamptz",
    "value": "float8",
    "peak_value": "float8",
    "is_critical": "bool",
    "triggered_at": "timestamptz",
    "flapping_since": "timestamptz",
    "keep_firing_since": "timestamptz",
    "resolved_at": "timestamptz",
    "last_evaluated_at": "timestamptz",
    "suppressed_until": "timestamptz",
}


def mark_evaluated(measured: Sequence[Measured], moving: Sequence[int], now: datetime) -> set[int]:
    """Set the watermark of healthy rules. Returns the ids among `moving` whose evaluation still counts."""
    parameters: dict[str, Any] = {
        "now": now,
        "slack": CLOCK_SLACK,
        "durations_ms": array_text([one.duration_ms for one in measured]),
        "ids": array_text([one.rule.id for one in measured]),
        "edits": array_text([one.rule.condition_changed_us for one in measured]),
        "moving": array_text(moving),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MARK_EVALUATED, parameters)
        return {row[0] for row in cursor.fetchall()}


def mark_unhealthy(failed: Sequence[tuple[ClaimedRule, str]], now: datetime) -> set[int]:
    """Rules that could not be evaluated, with the reason; their watermarks stay as they are.

    Returns the ids of those for which that still counts.
    """
    if not failed:
        return set()
    parameters: dict[str, Any] = {
        "now": now,
        "slack": CLOCK_SLACK,
        "ids": [rule.id for rule, _ in failed],
        "edits": [rule.condition_changed_us for rule, _ in failed],
        "reasons": [reason for _, reason in failed],
    }
    with connection.cursor() as cursor:
        cursor.execute(_MARK_UNHEALTHY, parameters)
        return {row[0] for row in cursor.fetchall()}


def write_moves(
    moves: Sequence[Move], rules: dict[int, ClaimedRule], states: dict[int, RuleState], now: datetime
) -> int:
    """Write alerts, transitions and outbox rows; returns how many of them changed. Call inside a transaction."""
    _delete([move for move in moves if move.state is None])
    _update([move for move in moves if move.alert_id and move.state], states)
    created = {
        id(move): _new_alert(move, move.state, rules[move.rule_id], states[move.rule_id])
        for move in moves
        if not move.alert_id and move.state
    }
    Alert.objects.bulk_create(created.values())
    transitions = [
        Transition(
            project_id=rules[move.rule_id].project_id,
            alert_id=move.alert_id or created[id(move)].pk,
            at=now,
            kind=move.change.kind,
            from_status=move.change.from_status,
            to_status=move.change.to_status,
            actor=ACTOR,
            reason=move.change.reason,
            evidence=evidence(rules[move.rule_id], states[move.rule_id], move.state, now),
        )
        for move in moves
        if move.change
    ]
    Transition.objects.bulk_create(transitions)
    outbox.enqueue_all(transitions, now)
    return len(transitions)


def fingerprint(rule_id: int, labels: LabelSet) -> str:
    """The identity of an alert: its rule and its labels."""
    return blake2b(msgspec.json.encode([rule_id, labels]), digest_size=16).hexdigest()


def _new_alert(move: Move, state: AlertState, rule: ClaimedRule, rule_state: RuleState) -> Alert:
    return Alert(
        id=uuid.uuid4(),
        project_id=rule.project_id,
        rule_id=rule.id,
        rule_name=rule.name,
        severity=_severity(state, rule_state),
        is_critical=state.is_critical,
        flapping_since=state.flapping_since,
        fingerprint=fingerprint(rule.id, move.labels),
        labels=dict(move.labels),
        status=state.status,
        value=state.value,
        peak_value=state.peak_value,
        threshold=_threshold(state, rule_state),
        pending_since=state.pending_since,
        triggered_at=state.triggered_at,
        last_evaluated_at=state.last_evaluated_at,
    )


def _delete(moves: Sequence[Move]) -> None:
    """Pending alerts that cleared vanish, with the transition that opened them."""
    if moves:
        Alert.objects.filter(pk__in=[move.alert_id for move in moves]).delete()


def _update(moves: Sequence[Move], states: dict[int, RuleState]) -> None:
    written = [(move, move.state, states[move.rule_id]) for move in moves if move.state]
    if not written:
        return
    columns = {name: [getattr(state, name) for _, state, _ in written] for name in _STATE_COLUMNS}
    columns["severity"] = [_severity(state, rule_state) for _, state, rule_state in written]
    columns["threshold"] = [_threshold(state, rule_state) for _, state, rule_state in written]
    assignments = ", ".join(f"{name} = new.{name}" for name in columns)
    arrays = ", ".join(f"%s::{kind}[]" for kind in (*_STATE_COLUMNS.values(), "text", "float8"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"""UPDATE alerting_alert AS a SET {assignments}
                FROM unnest(%s::uuid[], {arrays}) AS new(id, {", ".join(columns)})
                WHERE a.id = new.id""",
            [[move.alert_id for move, _, _ in written], *columns.values()],
        )


def _severity(state: AlertState, rule: RuleState) -> str:
    return CRITICAL if state.is_critical else rule.severity


def _threshold(state: AlertState, rule: RuleState) -> float:
    """A float whatever the condition holds: the driver takes no array of floats and whole numbers."""
    if state.is_critical and rule.critical_threshold is not None:
        return float(rule.critical_threshold)
    return float(rule.threshold)
