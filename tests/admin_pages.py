"""The pages that people look at, over a project in which something of everything has happened.

What holds for all of them (accessible, cheap, self-contained) is tried on this list; a new page is added here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import unescape
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.urls import resolve, reverse
from django.utils import timezone

from alerting import links
from alerting.models import Alert, Notification, Rule, Silence
from analytics.models import Feature
from events.models import Event
from metrics.models import MetricSeries
from projects.models import Job, JobStatus, Project
from tests.alerting.delivery_rows import make_channel, make_notification
from tests.alerting.scenes import make_rule, send_events, send_points, tick
from tests.analytics.experiments import scene as experiments
from tests.clients import ProjectClient, client_of, counts
from tests.conftest import make_project

FUNNEL = {
    "steps": [{"event_name": "failed"}, {"filters": {"tenant_id": {"not": "t0"}}}],
    "exclusions": [{"event_name": "helped"}],
    "breakdown": "tenant_id",
    "trend": "day",
    "compare": True,
}
TRACE = "4bf92f3577b34da6a3ce929d0e0e47{:02x}"


@dataclass(frozen=True, slots=True)
class Scene:
    """A project and what its pages are about."""

    project: Project
    rule: Rule
    alert: Alert
    event: Event
    series: MetricSeries
    job: Job

    @property
    def pages(self) -> Mapping[str, str]:
        """Name -> URL of every page for somebody who is logged in."""
        cell = {"view": "retention", "cohort": self.event.event_timestamp.isoformat(), "later": 0}
        explorers = {
            "overview": reverse("overview"),
            "inbox": reverse("inbox"),
            "events": reverse("explore_events"),
            "events of one name": f"{reverse('explore_events')}?event_name=failed",
            "metrics": reverse("explore_metrics"),
            "metric": f"{reverse('explore_metrics')}?metric_name=cpu_usage&group_by=host_name",
            "traces": reverse("explore_traces"),
            "trace": reverse("explore_trace", args=[TRACE.format(0)]),
            "services": reverse("explore_services"),
            "comparison": f"{reverse('compare_traces')}?a={TRACE.format(0)}&b={TRACE.format(1)}",
            "funnels": reverse("explore_funnels"),
            "funnel": f"{reverse('explore_funnels')}?{urlencode({'funnel': json.dumps(FUNNEL), 'step': 1})}",
            "usage": reverse("explore_usage"),
            "retention table": f"{reverse('explore_usage')}?{urlencode(cell)}",
            "features": f"{reverse('explore_usage')}?view=features",
            "feature": f"{reverse('explore_usage')}?view=features&feature=failing&segment=tenant_id",
            "experiments": reverse("explore_experiments"),
            "experiment": reverse("explore_experiment", args=["checkout"]),
            "sessions": reverse("explore_sessions"),
            "person": reverse("explore_person", args=["u0"]),
            "journeys": reverse("explore_journeys"),
            "journey": f"{reverse('explore_journey', args=['ttf'])}?segment=tenant_id",
            "sources": reverse("sources"),
            "how to send": reverse("how_to_send"),
            "jobs": reverse("jobs"),
            "job": reverse("job", args=[self.job.pk]),
            "storage": reverse("storage"),
            "alerting health": reverse("alerting_health"),
        }
        return {name: self._of_project(url) for name, url in explorers.items()} | self._admin_pages

    @property
    def _admin_pages(self) -> dict[str, str]:
        """Django's own pages, in our frame."""
        alert, rule = [self.alert.pk], [self.rule.pk]
        return {
            "alert": reverse("admin:alerting_alert_change", args=alert),
            "why": reverse("admin:alerting_alert_why", args=alert),
            "rules": reverse("admin:alerting_rule_changelist"),
            "rule form": reverse("admin:alerting_rule_add"),
            "rule": reverse("admin:alerting_rule_change", args=rule),
            "silences": reverse("admin:alerting_silence_changelist"),
            "silence form": reverse("admin:alerting_silence_add"),
            "channels": reverse("admin:alerting_notificationchannel_changelist"),
            "channel form": f"{reverse('admin:alerting_notificationchannel_add')}?kind=slack",
            "notifications": reverse("admin:alerting_notification_changelist"),
            "event": reverse("admin:events_event_change", args=[self.event.pk]),
            "series": reverse("admin:metrics_metricseries_change", args=[self.series.pk]),
            "journey form": reverse("admin:analytics_journey_add"),
            "projects": reverse("admin:projects_project_changelist"),
            "key form": reverse("admin:projects_apikey_add"),
            "experiment form": reverse("admin:analytics_experiment_add"),
        }

    @property
    def acknowledge_url(self) -> str:
        """The page that a message leads to, without a login."""
        link = links.AcknowledgeLink(
            alert_id=self.alert.pk,
            episode=self.alert.triggered_at,
            channel_id=None,
            recipient="ana@example.com",
            expires_at=timezone.now() + links.LIFETIME,
        )
        return reverse("acknowledge", args=[links.sign(link)])

    def _of_project(self, url: str) -> str:
        return f"{url}{'&' if '?' in url else '?'}project={self.project.pk}"


def panels_asked_for(text: str, url: str) -> Iterator[str]:
    """URLs of the panels that a page asks for by itself."""
    for query in re.findall(r'hx-get="(\?[^"]*panel=[^"]*)"', text):
        yield url.partition("?")[0] + unescape(query)


def panels_of(url: str) -> Iterator[str]:
    """URLs of all panels that the page behind a URL has, also of those that it doesn't ask for now."""
    path, _, query = url.partition("?")
    view = getattr(resolve(path).func, "view_class", None)
    for name in getattr(view, "panels", ()):
        yield f"{path}?{query}{'&' if query else ''}panel={name}"


def make_scene(user: User, size: int = 2) -> Scene:
    """`size` hosts, services, traces, alerts and so on."""
    project = make_project("shop")
    api, now = client_of(project), timezone.now()
    rule = make_rule(api)
    for number in range(size):
        send_points(api, [88, 92, 96], now, host_name=f"web-{number}", service_name="api")
        fields: dict[str, Any] = {"user_id": f"u{number}", "tenant_id": f"t{number}", "severity": "error"}
        send_events(api, 10, now - timedelta(minutes=number), **fields, trace_id=TRACE.format(number))
        send_events(api, 1, now - timedelta(minutes=50), event_name="user_signed_up", user_id=f"u{number}")
        send_trace(api, number, now - timedelta(minutes=number + 1))
    tick(now)
    alerts = list(Alert.objects.filter(project=project).order_by("pk"))
    assert len(alerts) == size
    _make_settings(project, alerts, now)
    _make_experiment(api, size)
    return Scene(
        project=project,
        rule=rule,
        alert=alerts[0],
        event=Event.objects.filter(project=project).order_by("pk")[0],
        series=MetricSeries.objects.filter(project=project, name="cpu_usage").order_by("pk")[0],
        job=_make_jobs(project, user, size, now),
    )


def send_trace(api: ProjectClient, number: int, start: datetime) -> None:
    """A request through three services, the last of which failed."""
    services = ("web", f"api-{number}", "db")
    spans = [
        {
            "trace_id": TRACE.format(number),
            "span_id": f"span{depth}",
            "parent_span_id": f"span{depth - 1}" if depth else None,
            "service_name": service,
            "operation_name": "POST /pay",
            "kind": "server",
            "status": "error" if depth == 2 else "ok",
            "start_time": (start + timedelta(milliseconds=10 * depth)).isoformat(),
            "duration_ms": 300 - 50 * depth,
            "tags": {"http.route": "/pay", "exception.message": "deadlock <detected>"},
        }
        for depth, service in enumerate(services)
    ]
    assert counts(api.post("/api/v1/traces", {"spans": spans})) == (3, 0, 0)


def _make_experiment(api: ProjectClient, size: int) -> None:
    metrics = [{**experiments.PAID, "key": f"paid-{number}"} for number in range(min(size, 5))]
    experiments.make_experiment(api, *metrics)
    for number in range(size):
        experiments.send(api, *experiments.group(f"variant {number}", 5, 2))


def _make_settings(project: Project, alerts: list[Alert], now: datetime) -> None:
    for number in range(len(alerts)):
        slug = f"failing-{number}" if number else "failing"
        Feature.objects.create(project=project, slug=slug, name=slug, matcher={"event_name": "failed"})
    for number, alert in enumerate(alerts):
        channel = make_channel(project, "email", {"recipients": ["ana@example.com"]}, f"ops-{number}")
        make_notification(alert, channel, created_at=now, next_attempt_at=now)
        Silence.objects.create(
            project=project,
            matchers=[f"host_name=db-{number}"],
            starts_at=now,
            ends_at=now + timedelta(hours=1),
            author="ada",
            comment="upgrade",
        )
    assert Notification.objects.filter(project=project).exists()


def _make_jobs(project: Project, user: User, size: int, now: datetime) -> Job:
    states = [JobStatus.RUNNING, *[JobStatus.DONE] * size]
    jobs = [
        Job.objects.create(
            kind="export_spans",
            project=project,
            user=user,
            parameters={"format": "csv"},
            words="CSV",
            status=status,
            done_count=1000,
            done_ratio=0.4,
            result_bytes=5000,
            created_at=now,
            started_at=now,
            heartbeat_at=now,
            finished_at=now if status == JobStatus.DONE else None,
            lease_until=now + timedelta(hours=1),
        )
        for status in states
    ]
    return jobs[0]
