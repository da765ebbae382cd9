"""What happened lately in a project: changes of its alerts, and deploys, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.urls import reverse

from alerting.display.badges import STATUS_ICONS, labels_text
from alerting.models import Status, Transition, TransitionKind
from alerting.why.words import change_words
from events.deploys import Deploy, deploys
from projects.models import Project
from projects.pages.time_range import TimeRange

SHOWN = 12
SHOWN_OF_PEOPLE = 50
LAST_NIGHT = timedelta(hours=24)
"""What people did is looked for at least so far back, however short the range: who comes in the morning asks for it."""
BY_ITSELF = "rule tick"
_VERBS: dict[str, str] = {
    Status.PENDING: "became pending",
    Status.FIRING: "fired",
    Status.ACKNOWLEDGED: "was acknowledged",
    Status.RESOLVED: "resolved",
}


@dataclass(frozen=True, slots=True)
class Happening:
    """One line. `state` colours its icon; `who` is empty where the platform did it by itself."""

    id: str
    at: datetime
    icon: str
    state: str
    what: str
    detail: str
    who: str
    url: str


def read(
    project: Project, time_range: TimeRange, *, with_alerts: bool, with_deploys: bool
) -> list[Happening]:
    """The newest few in the range; a query for each kind."""
    found = _changes(project, time_range) if with_alerts else []
    if with_deploys:
        made = deploys(project.pk, time_range.start, time_range.end, limit=SHOWN)
        found += [_deploy(one, project) for one in made]
    return sorted(found, key=lambda one: one.at, reverse=True)[:SHOWN]


def by_people(project: Project, time_range: TimeRange) -> list[Happening]:
    """What people did to alerts in the range, and in the 24 h before its end, newest first. One query."""
    since = min(time_range.start, time_range.end - LAST_NIGHT)
    changes = _transitions(project, TimeRange(since, time_range.end)).exclude(actor=BY_ITSELF)
    return [_change(one) for one in changes[:SHOWN_OF_PEOPLE]]


def _changes(project: Project, time_range: TimeRange) -> list[Happening]:
    return [_change(one) for one in _transitions(project, time_range)[:SHOWN]]


def _transitions(project: Project, time_range: TimeRange) -> QuerySet[Transition]:
    within = Transition.objects.filter(project=project, at__gte=time_range.start, at__lt=time_range.end)
    return within.select_related("alert").order_by("-at", "-id")


def _change(change: Transition) -> Happening:
    alert = change.alert
    is_status = change.kind == TransitionKind.STATUS
    verb = _VERBS.get(change.to_status) if is_status else None
    said = change_words(change.kind, change.to_status, change.reason)
    words = verb or said[:1].lower() + said[1:]
    detail = change.reason if change.kind != TransitionKind.ASSIGN else ""
    return Happening(
        id=f"change-{change.pk}",
        at=change.at,
        icon=STATUS_ICONS.get(change.to_status, "edit_note") if is_status else "edit_note",
        state=_state(change, alert.severity) if is_status else "quiet",
        what=f"{alert.rule_name} {words}" if verb else f"{alert.rule_name}: {words}",
        detail=", ".join(filter(None, (labels_text(alert.labels), detail))),
        who="" if change.actor == BY_ITSELF else change.actor,
        url=reverse("admin:alerting_alert_change", args=[alert.pk]),
    )


def _state(change: Transition, severity: str) -> str:
    if change.to_status == Status.FIRING:
        return severity
    return "good" if change.to_status == Status.RESOLVED else "quiet"


def _deploy(deploy: Deploy, project: Project) -> Happening:
    url = reverse("admin:events_event_change", args=[deploy.id])
    return Happening(
        id=f"deploy-{deploy.id}",
        at=deploy.at,
        icon="rocket_launch",
        state="quiet",
        what=deploy.label,
        detail="",
        who="",
        url=f"{url}?{urlencode({'project': project.pk})}",
    )
