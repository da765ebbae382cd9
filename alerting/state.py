"""What one evaluation does to one alert: Prometheus' semantics as a pure function, no clock and no ORM.

    inactive --true--> pending --held for_seconds--> firing --false--> resolved
                          |                             |
                          +--false--> vanishes          +--a person--> acknowledged --false--> resolved

A firing or acknowledged alert stays while the value is not past `recovery_threshold` too, and for
`keep_firing_for_seconds` after it cleared. A gap between evaluations counts toward `for_seconds`: the condition
held at both its ends. A longer `for_seconds` never takes a fired alert back, because people were told of it.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

Operator = Literal[">", ">=", "<", "<=", "==", "!="]
NoDataPolicy = Literal["keep", "ok", "alert"]
AlertStatus = Literal["pending", "firing", "acknowledged", "resolved"]

COMPARE: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}
SUPPRESSION = timedelta(hours=24)
"""How long a resolve by hand keeps a label set quiet whose condition never turns false."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """What `advance` must know of a rule. `last_evaluated_at` is its watermark."""

    operator: Operator
    threshold: float
    recovery_threshold: float | None = None
    for_seconds: float = 0
    keep_firing_for_seconds: float = 0
    no_data: NoDataPolicy = "keep"
    last_evaluated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The value of one label set over the window; None where there was none.

    `stale`: its series have ended, the strongest word there is. `remark` says how the value came about.
    """

    value: float | None
    stale: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertState:
    """The part of an alert that evaluations move."""

    status: AlertStatus
    pending_since: datetime
    last_evaluated_at: datetime
    value: float | None = None
    peak_value: float | None = None
    triggered_at: datetime | None = None
    keep_firing_since: datetime | None = None
    resolved_at: datetime | None = None
    suppressed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of status, for the timeline; `from_status` is empty for a new alert."""

    from_status: str
    to_status: AlertStatus
    reason: str


Step = tuple[AlertState | None, Change | None]


def advance(alert: AlertState | None, sample: Sample, rule: RuleState, now: datetime) -> Step:
    """The alert after an evaluation at `now`, and its change of status if there was one.

    `alert` is the open alert of the label set, or the one whose resolve by hand still suppresses it, or None.
    A result of None means that there is no alert (any more): a pending one that cleared vanishes without a word.
    An open result for a resolved `alert` is a new episode.
    """
    if _is_late(alert, rule, now):
        return alert, None
    if alert is None or alert.status == "resolved":
        return _advance_closed(alert, sample, rule, now)
    if sample.stale:
        return _clear(alert, sample, now, "its series has ended")
    if sample.value is None and rule.no_data == "keep":
        return alert, None
    if _is_true(sample, rule, is_fired=alert.status != "pending"):
        return _hold(alert, sample, rule, now)
    if alert.status == "pending":
        return None, None
    return _advance_cleared(alert, sample, rule, now)


def _is_late(alert: AlertState | None, rule: RuleState, now: datetime) -> bool:
    watermarks = (rule.last_evaluated_at, alert.last_evaluated_at if alert else None)
    return any(mark is not None and now <= mark for mark in watermarks)


def is_true(value: float, rule: RuleState) -> bool:
    """Whether the condition holds for a value, leaving recovery aside."""
    return COMPARE[rule.operator](value, rule.threshold)


def _is_true(sample: Sample, rule: RuleState, *, is_fired: bool) -> bool:
    if sample.stale:
        return False
    if sample.value is None:
        return rule.no_data == "alert"
    if is_true(sample.value, rule):
        return True
    if not is_fired or rule.recovery_threshold is None:
        return False
    return COMPARE[rule.operator](sample.value, rule.recovery_threshold)


def _advance_closed(alert: AlertState | None, sample: Sample, rule: RuleState, now: datetime) -> Step:
    if not sample.stale and sample.value is None and rule.no_data == "keep":
        return alert, None
    if not _is_true(sample, rule, is_fired=False):
        return (replace(alert, suppressed_until=None) if alert else None), None
    if alert and alert.suppressed_until and now < alert.suppressed_until:
        return alert, None
    new = AlertState(
        status="pending",
        pending_since=now,
        last_evaluated_at=now,
        value=sample.value,
        peak_value=sample.value,
    )
    if rule.for_seconds > 0:
        return new, Change("", "pending", _reason(sample, rule))
    return replace(new, status="firing", triggered_at=now), Change("", "firing", _reason(sample, rule))


def _hold(alert: AlertState, sample: Sample, rule: RuleState, now: datetime) -> Step:
    held = replace(
        alert,
        value=sample.value,
        peak_value=_peak(alert.peak_value, sample.value, rule.operator),
        keep_firing_since=None,
        last_evaluated_at=now,
    )
    if alert.status == "pending" and now - alert.pending_since >= timedelta(seconds=rule.for_seconds):
        return replace(held, status="firing", triggered_at=now), Change(
            "pending", "firing", _reason(sample, rule)
        )
    return held, None


def _advance_cleared(alert: AlertState, sample: Sample, rule: RuleState, now: datetime) -> Step:
    since = alert.keep_firing_since or now
    if now - since < timedelta(seconds=rule.keep_firing_for_seconds):
        return replace(alert, value=sample.value, keep_firing_since=since, last_evaluated_at=now), None
    if sample.value is None:
        return _clear(alert, sample, now, "no data, which this rule takes as fine")
    return _clear(alert, sample, now, f"{format_number(sample.value)} is no longer {_condition(rule)}")


def _clear(alert: AlertState, sample: Sample, now: datetime, reason: str) -> Step:
    if alert.status == "pending":
        return None, None
    resolved = replace(
        alert,
        status="resolved",
        resolved_at=now,
        value=sample.value,
        keep_firing_since=None,
        last_evaluated_at=now,
    )
    return resolved, Change(alert.status, "resolved", reason)


def _peak(peak: float | None, value: float | None, sign: Operator) -> float | None:
    """The worst value so far: the lowest for `<`, the highest otherwise."""
    if peak is None or value is None:
        return value if peak is None else peak
    return min(peak, value) if sign in {"<", "<="} else max(peak, value)


def _condition(rule: RuleState) -> str:
    return f"{rule.operator} {format_number(rule.threshold)}"


def _reason(sample: Sample, rule: RuleState) -> str:
    if sample.value is None:
        return "no data, which this rule takes as wrong"
    remark = f" ({sample.remark})" if sample.remark else ""
    return f"{format_number(sample.value)} {_condition(rule)}{remark}"


def format_number(value: float) -> str:
    """A number for people: four significant digits, and one decimal where the whole part alone has more."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    digits = max(4, min(15, len(str(int(abs(value)))) + 1))
    return f"{value:.{digits}g}"
