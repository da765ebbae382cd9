"""Alerts that nobody has taken: what "Needs you" lists of all the reader's projects, the worst first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.urls import reverse
from django.utils.safestring import SafeString

from alerting.display.alerts import comparison, number_text, units_of_alerts
from alerting.display.badges import labels_text, severity_badge
from alerting.inbox.order import worst_first
from alerting.models import OPEN_STATUSES, Alert, Status
from alerting.policy.muting import silenced_ids
from projects.models import Project

SHOWN = 10
LOOKED_AT = 1000
"""Firing alerts that are asked whether they are silenced, worst first: the panel may not take for ever."""
SEVERITIES = ("critical", "error", "warning", "info")
UNOWNED = "unowned"


@dataclass(frozen=True, slots=True)
class Need:
    """One alert with its page, and where it is acknowledged. `project` is empty where it is the one looked at."""

    id: UUID
    severity: SafeString
    rule_name: str
    labels: str
    value: str
    since: datetime
    owner: str
    project: str
    url: str
    acknowledge_url: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What is shown, how many more there are, and what was left out: "2 acknowledged" with the inbox's tab for it.

    `looked_at` is how many of the worst were looked at where there are more; 0 where all were.
    """

    shown: Sequence[Need]
    more: int
    left_out: Sequence[tuple[str, str]]
    looked_at: int


@dataclass(frozen=True, slots=True)
class OpenCounts:
    """Open alerts of one project by severity (the firing and acknowledged ones) and by status."""

    by_severity: Mapping[str, int]
    by_status: Mapping[str, int]
    elsewhere: int
    """Those firing in the reader's other projects."""


def read(projects: Sequence[Project], chosen: Project, now: datetime) -> Needs:
    """Five queries, however many alerts and projects there are."""
    rows = Alert.objects.filter(project__in=projects)
    all_firing = worst_first(rows.filter(status=Status.FIRING))
    found = list(all_firing.select_related("project", "rule", "assigned_to")[: LOOKED_AT + 1])
    firing = found[:LOOKED_AT]
    silenced = silenced_ids(firing, now)
    needing = [alert for alert in firing if alert.pk not in silenced]
    counts = dict(
        rows.filter(status__in=(Status.PENDING, Status.ACKNOWLEDGED))
        .order_by()
        .values_list("status")
        .annotate(count=Count("pk"))
    )
    left_out = {
        "acknowledged": counts.get(Status.ACKNOWLEDGED, 0),
        "silenced": len(silenced),
        "pending": counts.get(Status.PENDING, 0),
    }
    shown = needing[:SHOWN]
    units = units_of_alerts(shown)
    return Needs(
        [_need(alert, unit, chosen) for alert, unit in zip(shown, units, strict=True)],
        max(len(needing) - SHOWN, 0),
        [(f"{count} {word}", word) for word, count in left_out.items() if count],
        LOOKED_AT if len(found) > LOOKED_AT else 0,
    )


def open_counts(projects: Collection[Project], chosen: Project) -> OpenCounts:
    """One query."""
    rows = (
        Alert.objects.filter(project__in=projects, status__in=OPEN_STATUSES)
        .order_by()
        .values_list("project", "severity", "status")
        .annotate(count=Count("pk"))
    )
    return _counted(rows, chosen.pk)


def _counted(rows: Iterable[tuple[int, str, str, int]], chosen: int) -> OpenCounts:
    by_severity: Counter[str] = Counter()
    by_status: Counter[str] = Counter()
    elsewhere = 0
    for project, severity, status, count in rows:
        if project != chosen:
            elsewhere += count if status == Status.FIRING else 0
            continue
        by_status[status] += count
        if status != Status.PENDING:
            by_severity[severity] += count
    return OpenCounts(by_severity, by_status, elsewhere)


def _need(alert: Alert, unit: str, chosen: Project) -> Need:
    limit = comparison(alert, unit)
    return Need(
        id=alert.pk,
        severity=severity_badge(alert.severity),
        rule_name=alert.rule_name,
        labels=labels_text(alert.labels),
        value=f"{number_text(alert, unit)} {limit}".strip(),
        since=alert.triggered_at or alert.pending_since,
        owner=alert.assigned_to.get_username() if alert.assigned_to else UNOWNED,
        project="" if alert.project_id == chosen.pk else alert.project.name,
        url=reverse("admin:alerting_alert_change", args=[alert.pk]),
        acknowledge_url=reverse("admin:alerting_alert_acknowledge", args=[alert.pk]),
    )
