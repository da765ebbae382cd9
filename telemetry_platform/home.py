"""The admin's first page: is anything wrong, and is telemetry coming in?"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.admin.badges import labels_text, severity_badge, status_badge
from alerting.models import OPEN_STATUSES, Alert, Health, NotificationChannel, Rule, Status
from alerting.policy.muting import silenced_ids
from events.models import Event
from metrics.models import MetricSeries
from metrics.queries import newest_points
from projects import figures
from projects.admin_base import example_command, visible_projects
from projects.models import Project
from telemetry_platform.self_telemetry.points import HOST

SHOWN_ALERTS = 10
LOOKED_AT_ALERTS = 2000
"""Open alerts that are asked whether they are silenced, newest first: the page may not take for ever."""
HOST_METRICS = {"cpu_usage": "CPU", "memory_usage": "Memory", "disk_usage": "Disk"}
FRESH = timedelta(minutes=2)
SEVERITY_ORDER = ("critical", "error", "warning", "info")


@dataclass(frozen=True, slots=True)
class Tile:
    """One number: what it is, how much, in words beside it, and where it leads."""

    label: str
    value: str
    note: str | SafeString
    url: str
    state: str = "quiet"


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something a person has to look at."""

    mark: SafeString | str
    text: str
    detail: str
    since: SafeString | str
    url: str
    acknowledge_url: str = ""


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Fills the index page; called by the admin site."""
    now = timezone.now()
    projects = visible_projects(request.user)
    newest = _newest_event(projects)
    open_alerts, left_out = _open_alerts(projects, now)
    return context | {
        "title": "Overview",
        "tiles": [_alerts_tile(projects), _events_tile(newest, now), *_host_tiles(projects, now)],
        "troubles": [
            *open_alerts,
            *_broken_channels(projects, now),
            *_unhealthy_rules(projects),
        ],
        "left_out": left_out,
        "is_empty": newest is None,
        "may_acknowledge": request.user.has_perm("alerting.change_alert"),
        "first_event": example_command("events", '{"event_name": "hello"}'),
    }


def _alerts_tile(projects: QuerySet[Project]) -> Tile:
    rows = Alert.objects.filter(project__in=projects, status__in=OPEN_STATUSES)
    counts = dict(rows.values_list("severity").annotate(count=Count("pk")))
    words = [f"{counts[severity]} {severity}" for severity in SEVERITY_ORDER if severity in counts]
    worst = next((severity for severity in SEVERITY_ORDER if severity in counts), "good")
    url = reverse("admin:alerting_alert_changelist")
    return Tile("Open alerts", str(sum(counts.values())), ", ".join(words) or "all quiet", url, worst)


def _newest_event(projects: QuerySet[Project]) -> Event | None:
    """One step down the key's index per project: ordering over all projects at once would sort them."""
    found = [
        Event.objects.filter(project_id=pk).order_by("-event_timestamp", "-id").first()
        for pk in projects.values_list("pk", flat=True)[:20]
    ]
    events = [event for event in found if event]
    return max(events, key=lambda event: event.event_timestamp, default=None)


def _events_tile(newest: Event | None, now: datetime) -> Tile:
    url = reverse("admin:events_event_changelist")
    if newest is None:
        return Tile("Newest event", "none", "nothing has arrived yet", url)
    value = figures.age(newest.event_timestamp, now)
    return Tile("Newest event", value, newest.event_name, f"{url}?project={newest.project_id}")


def _host_tiles(projects: QuerySet[Project], now: datetime) -> list[Tile]:
    series = MetricSeries.objects.filter(
        project__in=projects,
        project__slug=settings.SELF_PROJECT,
        name__in=HOST_METRICS,
        host_name=HOST,
    )
    by_name = {one.name: one for one in series}
    points = newest_points(one.pk for one in by_name.values())
    tiles = []
    for name, label in HOST_METRICS.items():
        point = points.get(by_name[name].pk) if name in by_name else None
        if point and point.value is not None:
            url = reverse("admin:metrics_metricseries_change", args=[by_name[name].pk])
            is_fresh = now - point.timestamp < FRESH
            note = f"of {HOST}" if is_fresh else f"of {HOST}, {figures.age(point.timestamp, now)}"
            tiles.append(Tile(label, f"{point.value:.0f} %", note, url))
    return tiles


def _open_alerts(projects: QuerySet[Project], now: datetime) -> tuple[list[Trouble], str]:
    """What nobody has taken or silenced, newest first, and how many others are open: "2 acknowledged, 1 silenced"."""
    rows = Alert.objects.filter(project__in=projects, status__in=OPEN_STATUSES)
    untaken = list(
        rows.exclude(status=Status.ACKNOWLEDGED)
        .select_related("project")
        .order_by("-pending_since", "-id")[:LOOKED_AT_ALERTS]
    )
    silenced = silenced_ids(untaken, now)
    needing = [alert for alert in untaken if alert.pk not in silenced]
    counts = {"acknowledged": rows.filter(status=Status.ACKNOWLEDGED).count(), "silenced": len(silenced)}
    left_out = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return [_open_alert(alert, now) for alert in needing[:SHOWN_ALERTS]], left_out


def _open_alert(alert: Alert, now: datetime) -> Trouble:
    return Trouble(
        format_html("{} {}", severity_badge(alert.severity), status_badge(alert.status)),
        alert.rule_name,
        f"{labels_text(alert.labels)} {figures.number(alert.value)}, limit {figures.number(alert.threshold)}",
        figures.age_html(alert.triggered_at or alert.pending_since, now),
        reverse("admin:alerting_alert_change", args=[alert.pk]),
        acknowledge_url=_acknowledge_url(alert),
    )


def _acknowledge_url(alert: Alert) -> str:
    if alert.status != Status.FIRING:
        return ""
    return reverse("admin:alerting_alert_acknowledge", args=[alert.pk])


def _broken_channels(projects: QuerySet[Project], now: datetime) -> list[Trouble]:
    rows = NotificationChannel.objects.filter(project__in=projects, enabled=True, broken_at__isnull=False)
    return [
        Trouble(
            severity_badge("error"),
            f'Channel "{channel.name}" is broken',
            channel.broken_reason,
            figures.age_html(channel.broken_at or now, now),
            reverse("admin:alerting_notificationchannel_change", args=[channel.pk]),
        )
        for channel in rows[:SHOWN_ALERTS]
    ]


def _unhealthy_rules(projects: QuerySet[Project]) -> list[Trouble]:
    rows = Rule.objects.filter(project__in=projects, enabled=True, deleted_at=None, health=Health.UNHEALTHY)
    return [
        Trouble(
            severity_badge("warning"),
            f'Rule "{rule.name}" can\'t be evaluated',
            rule.last_error,
            "",
            reverse("admin:alerting_rule_change", args=[rule.pk]),
        )
        for rule in rows[:SHOWN_ALERTS]
    ]
