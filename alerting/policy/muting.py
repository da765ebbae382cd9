"""What keeps an alert quiet at a moment, by name: computed from rules and times, never stored on the alert.

The order is Alertmanager's: inhibition, maintenance, silence; then the quiet hours of the channel.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any
from uuid import UUID

from django.db import transaction

from alerting.hints import hint_delivery
from alerting.models import (
    Alert,
    InhibitionRule,
    MaintenanceWindow,
    Notification,
    NotificationChannel,
    NotificationStatus,
    Silence,
    Status,
)
from alerting.policy.inhibition import Inhibition, OpenAlert, Rule
from alerting.policy.maintenance import occurrence_now
from alerting.policy.matchers import Facts, facts_of, stored_match
from alerting.policy.quiet_hours import QuietHours, quiet_until
from alerting.policy.recurrence import Occurrence
from projects.models import Project

INHIBITED_FOR = timedelta(seconds=60)
"""An inhibition has no end of its own: how soon its target is looked at again."""

LONGEST_LOOK = timedelta(minutes=10)
"""A silence or window may be edited while it mutes: nothing relies on its end as it was."""

KEPT_FOR = timedelta(seconds=5)
"""How long the open alerts of a project serve one look after the other."""

_SOURCES = (Status.FIRING, Status.ACKNOWLEDGED)


@dataclass(frozen=True, slots=True)
class Mute:
    """Why something keeps quiet. `kind` is inhibition, maintenance, silence or quiet_hours; `id` of its row.

    `by` and `comment` are those of a silence.
    """

    kind: str
    id: int
    name: str
    reason: str
    until: datetime
    by: str = ""
    comment: str = ""

    @property
    def reference(self) -> dict[str, Any]:
        """As `Notification.muted_by` keeps it."""
        return {"kind": self.kind, "id": self.id, "name": self.name}

    def look_again_at(self, now: datetime) -> datetime:
        return min(self.until, now + LONGEST_LOOK)


@dataclass(slots=True)
class Inhibitions:
    """What inhibits, by project: for one deliverer, who asks about a batch of messages after the other."""

    _kept: dict[int, tuple[Inhibition, datetime]] = field(default_factory=dict)

    def of(self, project: Project, now: datetime) -> Inhibition:
        """The rules as they are now, over open alerts that are 5 s old at most. One query."""
        rules = [
            Rule(one.pk, one.name, one.source_matchers, one.target_matchers, one.equal_labels)
            for one in InhibitionRule.objects.filter(project=project, enabled=True)
        ]
        if project.pk in self._kept:
            kept, since = self._kept[project.pk]
            if kept.rules == rules and now - since < KEPT_FOR:
                return kept
        made = Inhibition(rules, partial(_open_alerts, project))
        self._kept[project.pk] = made, now
        return made


@dataclass
class ProjectMutes:
    """What mutes alerts of one project at one moment."""

    project: Project
    now: datetime
    inhibitions: Inhibitions
    windows: Sequence[tuple[MaintenanceWindow, Occurrence]]
    silences: Sequence[Silence]

    def mute_of(self, alert: Alert) -> Mute | None:
        """What mutes an alert wherever it would be told; None where nothing does."""
        facts = self._facts(alert)
        return self._inhibited(alert, facts) or self._silenced(facts)

    def silence_of(self, alert: Alert) -> Mute | None:
        """The window or silence over an alert: what `is_silenced` means."""
        return self._silenced(self._facts(alert))

    def _facts(self, alert: Alert) -> Facts:
        return facts_of(
            alert.labels, rule=alert.rule_name, severity=alert.severity, project=self.project.slug
        )

    @cached_property
    def inhibition(self) -> Inhibition:
        return self.inhibitions.of(self.project, self.now)

    def _inhibited(self, alert: Alert, facts: Facts) -> Mute | None:
        if alert.status in _SOURCES:
            self.inhibition.expect(alert.pk)
        found = self.inhibition.inhibitor_of(OpenAlert(alert.pk, facts))
        if found is None:
            return None
        reason = f"inhibited by {found.rule.name}: {found.source.facts['rule']} fires"
        return Mute("inhibition", found.rule.id, found.rule.name, reason, self.now + INHIBITED_FOR)

    def _silenced(self, facts: Facts) -> Mute | None:
        for window, occurrence in self.windows:
            if stored_match(window.matchers, facts):
                reason = f"maintenance window {window.name} until {_clock(occurrence.end)}"
                return Mute("maintenance", window.pk, window.name, reason, occurrence.end)
        for silence in self.silences:
            if stored_match(silence.matchers, facts):
                reason = f"silenced by {silence.author} until {_clock(silence.ends_at)}: {silence.comment}"
                until, by, comment = silence.ends_at, silence.author, silence.comment
                return Mute("silence", silence.pk, str(silence), reason, until, by, comment)
        return None


@dataclass(slots=True)
class ActiveMutes:
    """The mutes of projects, loaded when first asked for: two queries, two more a project where inhibition counts."""

    now: datetime
    inhibitions: Inhibitions = field(default_factory=Inhibitions)
    _loaded: dict[int, ProjectMutes] = field(default_factory=dict)

    def of(self, project: Project) -> ProjectMutes:
        if project.pk not in self._loaded:
            self.expect([project])
        return self._loaded[project.pk]

    def expect(self, projects: Iterable[Project]) -> None:
        """Load those of several projects at once: two queries, however many there are."""
        self._loaded |= _load(list(projects), self.now, self.inhibitions)

    def mute_of(self, alert: Alert) -> Mute | None:
        return self.of(alert.project).mute_of(alert)

    def is_silenced(self, alert: Alert) -> bool:
        """Whether an open alert is under a silence or a maintenance window."""
        return alert.is_open and self.of(alert.project).silence_of(alert) is not None


def silenced_ids(alerts: Iterable[Alert], now: datetime) -> set[UUID]:
    """Those of these alerts that are silenced; `project` should be loaded with them."""
    listed = list(alerts)
    mutes = ActiveMutes(now)
    if projects := {alert.project for alert in listed if alert.is_open}:
        mutes.expect(projects)
    return {alert.pk for alert in listed if mutes.is_silenced(alert)}


def quiet_of(channel: NotificationChannel, severity: str, now: datetime) -> Mute | None:
    """The quiet hours of a channel, where they hold for this severity now."""
    if channel.quiet_from is None or channel.quiet_until is None:
        return None
    hours = QuietHours(
        start=channel.quiet_from,
        end=channel.quiet_until,
        time_zone=channel.quiet_timezone,
        severities=channel.quiet_severities,
    )
    until = quiet_until(hours, severity, now)
    if until is None:
        return None
    reason = f"quiet hours of {channel.name} for {severity} until {_clock(until)}"
    return Mute("quiet_hours", channel.pk, channel.name, reason, until)


def look_again(project_id: int, now: datetime) -> None:
    """Look at all that is muted in a project, in the transaction that changed something that mutes."""
    muted = Notification.objects.filter(
        project=project_id, status=NotificationStatus.MUTED, next_attempt_at__gt=now
    )
    if muted.update(next_attempt_at=now):
        transaction.on_commit(hint_delivery)


def _load(projects: Sequence[Project], now: datetime, inhibitions: Inhibitions) -> dict[int, ProjectMutes]:
    running: dict[int, list[tuple[MaintenanceWindow, Occurrence]]] = {one.pk: [] for one in projects}
    for window in MaintenanceWindow.objects.filter(project__in=projects, enabled=True):
        if occurrence := occurrence_now(window, now):
            running[window.project_id].append((window, occurrence))
    silences: dict[int, list[Silence]] = {one.pk: [] for one in projects}
    active = Silence.objects.filter(project__in=projects, ends_at__gt=now, starts_at__lte=now)
    for silence in active.order_by("-ends_at"):
        silences[silence.project_id].append(silence)
    return {
        one.pk: ProjectMutes(one, now, inhibitions, running[one.pk], silences[one.pk]) for one in projects
    }


def _open_alerts(project: Project) -> list[OpenAlert]:
    """Those that may inhibit."""
    open_alerts = Alert.objects.filter(project=project, status__in=_SOURCES)
    columns = open_alerts.order_by().values_list("id", "labels", "rule_name", "severity")
    return [
        OpenAlert(pk, facts_of(labels, rule=rule, severity=severity, project=project.slug))
        for pk, labels, rule, severity in columns
    ]


def _clock(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
