"""The page "Alerting health": is it evaluating, is it delivering, who would notice if not?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from alerting.health import heartbeat, troubles
from alerting.health.pulses import pulses
from alerting.health.stalls import (
    LATE_RULE,
    DueRule,
    Facts,
    delivery_stall,
    due_rules_here_and_anywhere,
    evaluation_stall,
    facts,
)
from alerting.models import Notification, Pulse, Silence
from projects import figures
from projects.models import Project
from projects.visibility import visible_projects

PERMISSION = "alerting.view_rule"
REFRESH_SECONDS = 5


@dataclass(frozen=True, slots=True)
class Tile:
    """One number: what it is, how much, in words beside it, where it leads."""

    label: str
    value: str | SafeString
    note: str
    state: str = "quiet"
    url: str = ""


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """Rules, channels and messages of the user's projects; tick, delivery and heartbeat are the whole platform's."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    context = {
        **admin.site.each_context(request),
        "title": "Alerting health",
        "refresh_seconds": REFRESH_SECONDS,
        **_state(visible_projects(request.user), timezone.now()),
    }
    return TemplateResponse(request, "alerting/health.html", context)


def _state(projects: QuerySet[Project], now: datetime) -> dict[str, Any]:
    beats = pulses()
    due, oldest = due_rules_here_and_anywhere(now, troubles.SHOWN, projects)
    seen = facts(now, beats=beats, waiting=oldest)
    missed = troubles.rules_that_missed(projects, now)
    waiting = troubles.waiting_messages(projects)
    sections = {
        "Rules": [
            *troubles.unhealthy_rules(projects),
            *troubles.late_rules(due, now),
            *troubles.rules_with_missed_slots(projects, now, missed),
        ],
        "Channels": troubles.channels_in_trouble(projects, now),
        "Messages that wait": troubles.undelivered_messages(waiting, now),
    }
    return {
        "now": now,
        "stalls": [stall for stall in (evaluation_stall(seen, now), delivery_stall(seen, now)) if stall],
        "tiles": [
            _tick_tile(seen, beats.get("evaluation"), now),
            _lag_tile(due, now),
            _missed_tile(_missed_total(projects, now, missed)),
            _delivery_tile(seen, beats.get("delivery"), now),
            _waiting_tile(waiting, now),
            _channels_tile(sections["Channels"]),
            _silences_tile(projects, now),
            _heartbeat_tile(beats.get("heartbeat"), now),
        ],
        "sections": {title: rows for title, rows in sections.items() if rows},
    }


def _tick_tile(seen: Facts, tick: Pulse | None, now: datetime) -> Tile:
    url = reverse("admin:django_celery_beat_periodictask_changelist")
    if tick is None or tick.last_at is None:
        return Tile("Last tick", "none", "the rule tick has not run yet", "warning", url)
    count = tick.detail.get("rule_count", 0)
    what = "1 rule" if count == 1 else f"{figures.number(count)} rules"
    done = f"{what} in {figures.duration(tick.duration_ms)}"
    state = "critical" if evaluation_stall(seen, now) else "good"
    return Tile("Last tick", figures.age_html(tick.last_at, now), done, state, url)


def _lag_tile(due: Sequence[DueRule], now: datetime) -> Tile:
    """How long the rule that waits longest is due; the tick itself is a second or two of that."""
    if not due:
        return Tile("Evaluation lag", "0 s", "no rule waits", "good")
    oldest = due[0]
    lag = now - oldest.due_at
    state = "critical" if lag > LATE_RULE else "good"
    url = reverse("admin:alerting_rule_change", args=[oldest.id])
    return Tile("Evaluation lag", figures.duration(lag / timedelta(milliseconds=1)), oldest.name, state, url)


def _missed_total(projects: QuerySet[Project], now: datetime, listed: Sequence[Mapping[str, Any]]) -> int:
    """Asked for only where more rules missed slots than are listed."""
    if len(listed) < troubles.SHOWN:
        return sum(row["total"] for row in listed)
    return troubles.missed_slots(projects, now).aggregate(total=Sum("count"))["total"] or 0


def _missed_tile(total: int) -> Tile:
    note = "evaluations in 24 h, never made up for"
    return Tile("Missed slots", figures.number(total), note, "warning" if total else "good")


def _delivery_tile(seen: Facts, delivery: Pulse | None, now: datetime) -> Tile:
    if delivery is None or delivery.last_at is None:
        return Tile("Last delivery", "none", "no delivery pass has run yet", "warning")
    sent = delivery.detail.get("sent", 0)
    done = f"{figures.number(sent)} sent in {figures.duration(delivery.duration_ms)}"
    state = "critical" if delivery_stall(seen, now) else "good"
    return Tile("Last delivery", figures.age_html(delivery.last_at, now), done, state)


def _waiting_tile(waiting: Sequence[Notification], now: datetime) -> Tile:
    url = reverse("admin:alerting_notification_changelist")
    if not waiting:
        return Tile("Oldest undelivered", "none", "no message waits", "good", url)
    return Tile(
        "Oldest undelivered",
        figures.age_html(waiting[0].created_at, now),
        "waits for its turn",
        "warning",
        url,
    )


def _channels_tile(in_trouble: Sequence[troubles.Trouble]) -> Tile:
    url = reverse("admin:alerting_notificationchannel_changelist")
    if not in_trouble:
        return Tile("Channels", "ok", "none is broken or paused", "good", url)
    return Tile("Channels", str(len(in_trouble)), "broken, paused or failing", "warning", url)


def _silences_tile(projects: QuerySet[Project], now: datetime) -> Tile:
    active = Silence.objects.filter(project__in=projects, starts_at__lte=now, ends_at__gt=now).count()
    url = reverse("admin:alerting_silence_changelist")
    return Tile("Silences", str(active), "active now" if active else "nothing is silenced", "quiet", url)


def _heartbeat_tile(beat: Pulse | None, now: datetime) -> Tile:
    """Names the host at most: the rest of the URL is a secret."""
    host = heartbeat.host()
    if not host:
        return Tile("Heartbeat", "off", "no URL is set: nobody outside would notice")
    if beat is None:
        return Tile("Heartbeat", "not yet", f"{host} is called every minute", "warning")
    problem = beat.detail.get("held_back") or beat.detail.get("error")
    called_at = beat.detail.get("called_at")
    value = figures.age_html(datetime.fromisoformat(called_at), now) if called_at else "never"
    return Tile("Heartbeat", value, problem or f"{host} was called", "critical" if problem else "good")
