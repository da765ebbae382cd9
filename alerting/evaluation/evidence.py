"""What the tick saw when it changed an alert, kept with the change: rules are edited and raw data is purged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from alerting.evaluation.claim import ClaimedRule
from alerting.state import AlertState, RuleState


def evidence(rule: ClaimedRule, state: RuleState, alert: AlertState | None, now: datetime) -> dict[str, Any]:
    """`{"evaluated_at", "window_end", "value", "operator", "threshold", ..., "rule_type", "source_type", "condition"}`.

    Times are RFC 3339; `condition` is as it was then. `samples` are added later, by `alerting.why`.
    """
    value = alert.value if alert else None
    return {
        "evaluated_at": now.isoformat(),
        "window_end": (now - timedelta(seconds=rule.evaluation_delay_seconds)).isoformat(),
        "value": None if value is None else str(value),
        "operator": state.operator,
        "threshold": state.threshold,
        "critical_threshold": state.critical_threshold,
        "recovery_threshold": state.recovery_threshold,
        "for_seconds": state.for_seconds,
        "keep_firing_for_seconds": state.keep_firing_for_seconds,
        "no_data": state.no_data,
        "unit": state.unit,
        "rule_type": rule.rule_type,
        "source_type": rule.source_type,
        "condition": msgspec.json.decode(rule.condition_text),
    }
