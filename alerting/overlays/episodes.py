"""Alerts as shaded stretches of a chart. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from alerting.models import Alert
from alerting.why.words import labels_words
from projects.pages.charts import Band


def bands_of(alerts: Iterable[Alert], start: datetime, end: datetime, now: datetime) -> list[Band]:
    """The parts of their episodes that lie between `start` and `end`: pending in grey, then by severity."""
    return [
        band
        for alert in alerts
        for band in _bands(alert, now)
        if band.end > start and band.start < end and band.end > band.start
    ]


def _bands(alert: Alert, now: datetime) -> Iterator[Band]:
    over = alert.resolved_at or now
    name = " ".join(filter(None, [alert.rule_name, labels_words(alert.labels)]))
    yield Band(alert.pending_since, alert.triggered_at or over, f"{name}: pending", "quiet")
    if alert.triggered_at:
        yield Band(alert.triggered_at, over, f"{name}: firing", alert.severity)
