"""What one evaluation does to one alert: Prometheus' semantics as a pure function, no clock and no ORM.

    inactive --true--> pending --held for_seconds--> firing --false--> resolved
                          |                             |
                          +--false--> vanishes          +--a person--> acknowledged --false--> resolved

A firing or acknowledged alert stays while the value is not past `recovery_threshold` too, and for
`keep_firing_for_seconds` after it cleared. Past `critical_threshold` its severity is critical, whatever its status.
A slot or two that were missed count toward `for_seconds`: the condition held at both ends. An outage does not.
A longer `for_seconds` never takes a fired alert back, because people were told of it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from alerting.values import value_text

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
CRITICAL = "critical"
SUPPRESSION = timedelta(hours=24)
"""How long a resolve by hand keeps a label set quiet whose condition never turns false."""

CLOCK_SLACK = timedelta(hours=1)
"""A watermark further ahead than that was set by a clock that was wrong, and binds nobody."""

OUTAGE_SLOTS = 4
OUTAGE_LEAST = timedelta(minutes=1)
"""After more than 4 x max(interval, 1 min) without one the evaluation was away, as by Prometheus' `valid_until`."""
OUTAGE_TOLERANCE = timedelta(hours=1)
GRACE = timedelta(minutes=10)
"""Prometheus' `--rules.alert.for-outage-tolerance` and `for-grace-period`."""

FLAP_FIRINGS = 4
FLAP_WINDOW = timedelta(minutes=30)
FLAP_CALM = timedelta(minutes=15)
"""A label set that fires so often in the window flaps: its alert then stays until it was calm for so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """What `advance` must know of a rule. `last_evaluated_at` is its watermark, `severity` that below critical.

    `unit` is that of its values, as far as it changes how they are written.
    """

    operator: Operator
    threshold: float
    critical_threshold: float | None = None
    recovery_threshold: float | None = None
    severity: str = "warning"
    for_seconds: float = 0
    keep_firing_for_seconds: float = 0
    evaluation_interval_seconds: float = 60
    no_data: NoDataPolicy = "keep"
    flap_detection: bool = False
    last_evaluated_at: datetime | None = None
    unit: str = ""


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
    is_critical: bool = False
    triggered_at: datetime | None = None
    flapping_since: datetime | None = None
    keep_firing_since: datetime | None = None
    resolved_at: datetime | None = None
    suppressed_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change for the timeline; `from_status` is empty for a new alert. One of severity has severities in both."""

    from_status: str
    to_status: str
    reason: str
    kind: Literal["status", "severity"] = "status"


Firings = Iterable[datetime]
Step = tuple[AlertState | None, Change | None]


def advance(
    alert: AlertState | None,
    sample: Sample,
    rule: RuleState,
    now: datetime,
    recent_firings: Firings = (),
) -> Step:
    """The alert after an evaluation at `now`, and its change if there was one.

    `alert` is the open alert of the label set, or the one whose resolve by hand still suppresses it, or None;
    `recent_firings` are when its episodes of the last 30 minutes fired.
    A result of None means that there is no alert (any more): a pending one that cleared vanishes without a word.
    An open result for a resolved `alert` is a new episode.
    """
    if _is_late(alert, rule, now):
        return alert, None
    if alert is None or alert.status == "resolved":
        return _advance_closed(alert, sample, rule, now, recent_firings)
    if sample.stale:
        return _clear(alert, sample, now, sample.remark or "its series has ended")
    if sample.value is None and rule.no_data == "keep":
        return alert, None
    if _is_true(sample, rule, is_fired=alert.status != "pending"):
        return _hold(alert, sample, rule, now, recent_firings)
    if alert.status == "pending":
        return None, None
    return _advance_cleared(alert, sample, rule, now)


def _is_late(alert: AlertState | None, rule: RuleState, now: datetime) -> bool:
    watermarks = (rule.last_evaluated_at, alert.last_evaluated_at if alert else None)
    return any(mark is not None and now <= mark <= now + CLOCK_SLACK for mark in watermarks)


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


def _is_critical(value: float | None, rule: RuleState) -> bool:
    if value is None or rule.critical_threshold is None:
        return False
    return COMPARE[rule.operator](value, rule.critical_threshold)


def _advance_closed(
    alert: AlertState | None,
    sample: Sample,
    rule: RuleState,
    now: datetime,
    recent: Firings,
) -> Step:
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
        is_critical=_is_critical(sample.value, rule),
    )
    if rule.for_seconds > 0:
        return new, Change("", "pending", _reason(sample, rule, new))
    fired, change = _fire(new, sample, rule, now, recent)
    return fired, replace(change, from_status="")


def _hold(alert: AlertState, sample: Sample, rule: RuleState, now: datetime, recent: Firings) -> Step:
    held = replace(
        alert,
        value=sample.value,
        peak_value=_peak(alert.peak_value, sample.value, rule.operator),
        is_critical=alert.is_critical if sample.value is None else _is_critical(sample.value, rule),
        keep_firing_since=None,
        last_evaluated_at=now,
    )
    if alert.status == "pending":
        held = replace(held, pending_since=_pending_since(alert, rule, now))
        if now - held.pending_since >= timedelta(seconds=rule.for_seconds):
            return _fire(held, sample, rule, now, recent)
    elif held.is_critical != alert.is_critical:
        names = (rule.severity, CRITICAL) if held.is_critical else (CRITICAL, rule.severity)
        return held, Change(*names, _reason(sample, rule, held), "severity")
    return held, None


def _pending_since(alert: AlertState, rule: RuleState, now: datetime) -> datetime:
    """Since when the condition counts as true: the time of an outage counts only at its ends.

    As Prometheus restores a pending alert: the outage is left out; at least 10 minutes remain where the rule waits
    longer than that; after more than an hour all begins again.
    """
    since, last = alert.pending_since, rule.last_evaluated_at
    if since > now:
        return now
    if last is None or last < since:
        return since
    away = now - last
    slot = max(timedelta(seconds=rule.evaluation_interval_seconds), OUTAGE_LEAST)
    if away <= OUTAGE_SLOTS * slot:
        return since
    if away > OUTAGE_TOLERANCE:
        return now
    hold = timedelta(seconds=rule.for_seconds)
    remaining = hold - (last - since)
    if remaining <= timedelta(0):
        return since
    return now - hold + (max(remaining, GRACE) if hold >= GRACE else remaining)


def _fire(
    alert: AlertState, sample: Sample, rule: RuleState, now: datetime, recent: Firings
) -> tuple[AlertState, Change]:
    count = 1 + sum(timedelta(0) <= now - at < FLAP_WINDOW for at in recent)
    is_flapping = rule.flap_detection and count >= FLAP_FIRINGS
    fired = replace(alert, status="firing", triggered_at=now, flapping_since=now if is_flapping else None)
    reason = _reason(sample, rule, fired)
    if is_flapping:
        window, calm = (int(span.total_seconds() // 60) for span in (FLAP_WINDOW, FLAP_CALM))
        reason += f"; flapping: fired {count} times in {window} min, stays until calm for {calm} min"
    return fired, Change("pending", "firing", reason)


def _advance_cleared(alert: AlertState, sample: Sample, rule: RuleState, now: datetime) -> Step:
    since = alert.keep_firing_since or now
    keep = timedelta(seconds=rule.keep_firing_for_seconds)
    if alert.flapping_since:
        keep = max(keep, FLAP_CALM)
    if now - since < keep:
        return replace(alert, value=sample.value, keep_firing_since=since, last_evaluated_at=now), None
    if sample.value is None:
        return _clear(alert, sample, now, "no data, which this rule takes as fine")
    return _clear(
        alert, sample, now, f"{value_text(sample.value, rule.unit)} is no longer {_condition(rule)}"
    )


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
    return f"{rule.operator} {value_text(rule.threshold, rule.unit)}"


def _reason(sample: Sample, rule: RuleState, alert: AlertState) -> str:
    if sample.value is None:
        return "no data, which this rule takes as wrong"
    limit = rule.threshold
    if alert.is_critical and rule.critical_threshold is not None:
        limit = rule.critical_threshold
    remark = f" ({sample.remark})" if sample.remark else ""
    return f"{value_text(sample.value, rule.unit)} {rule.operator} {value_text(limit, rule.unit)}{remark}"
