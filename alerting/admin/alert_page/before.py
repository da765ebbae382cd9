"""Was it like this before? Earlier alerts of the same rule: how often, how long, and who took them on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from alerting.admin.alert_page.case import moment_of
from alerting.models import Alert
from projects import figures

DAYS = 7
MOST = 1_000
LISTED = 5


@dataclass(frozen=True, slots=True)
class Earlier:
    """One earlier alert; `lasted` is empty while it is open."""

    alert: Alert
    lasted: str
    is_same: bool


@dataclass(frozen=True, slots=True)
class Before:
    """Alerts of the rule that fired in the 7 days before; `same_count` of them had the same labels."""

    count: int
    same_count: int
    acknowledged_count: int
    median_text: str
    newest: Sequence[Earlier]
    is_cut: bool


def before(alert: Alert) -> Before:
    """One query."""
    moment = moment_of(alert)
    rows = Alert.objects.filter(
        rule=alert.rule_id,
        pending_since__gte=moment - timedelta(days=DAYS),
        pending_since__lt=alert.pending_since,
        triggered_at__isnull=False,
    ).order_by("-pending_since", "-id")
    return summed(alert, list(rows[: MOST + 1]))


def summed(alert: Alert, earlier: Sequence[Alert]) -> Before:
    counted = earlier[:MOST]
    lengths = [_length_ms(one) for one in counted]
    over = [length for length in lengths if length is not None]
    return Before(
        count=len(counted),
        same_count=sum(one.fingerprint == alert.fingerprint for one in counted),
        acknowledged_count=sum(one.acknowledged_at is not None for one in counted),
        median_text=figures.duration(median(over)) if over else "",
        newest=[
            Earlier(
                one, "" if length is None else figures.duration(length), one.fingerprint == alert.fingerprint
            )
            for one, length in zip(counted[:LISTED], lengths, strict=False)
        ],
        is_cut=len(earlier) > MOST,
    )


def _length_ms(alert: Alert) -> float | None:
    return (alert.resolved_at - moment_of(alert)) / timedelta(milliseconds=1) if alert.resolved_at else None
