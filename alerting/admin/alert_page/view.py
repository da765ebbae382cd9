"""The page of one alert: what broke, since when, for whom, what next. Its parts come one by one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.http import Http404, HttpRequest
from django.urls import reverse

from alerting.admin.alert_page.before import before
from alerting.admin.alert_page.case import Case, case_of, opening_evidence, time_around
from alerting.admin.alert_page.chart import alert_chart
from alerting.admin.alert_page.now import alert_page
from alerting.admin.alert_page.records import EVENTS, TRACES, Examples, Impact, examples, impact
from alerting.delivery.claims import UNFINISHED
from alerting.display.badges import severity_badge
from alerting.inbox.deeds import DURATIONS
from alerting.models import Alert, Status
from alerting.policy import silences
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope, scope_of
from projects.pages.zones import zone_name

SETTLED_AFTER = timedelta(minutes=10)
"""Messages of an alert's end are made and sent well within it."""

RECORDS = {EVENTS: "events.view_event", TRACES: "traces.view_span"}
"""What it takes to see records of a source: an alert is told to more people than what it was made of."""


class AlertPage(Page):
    """One alert, under the admin's own URL for it."""

    title = "Alert"
    template = "alerting/alert_page.html"
    permission = "alerting.view_alert"
    has_range = False
    panels = {
        "now": "alerting/alert_page_refresh.html",
        "chart": "alerting/alert_page_chart.html",
        "impact": "alerting/alert_page_impact.html",
        "examples": "alerting/alert_page_examples.html",
        "before": "alerting/alert_page_before.html",
        "assignees": "alerting/assignees.html",
    }
    alert: Alert
    evidence: Mapping[str, Any] | None

    def scope(self, request: HttpRequest) -> Scope:
        """The alert's project, whichever the URL names, and the two hours around its moment."""
        asked = scope_of(request)
        rows = Alert.objects.select_related("rule", "project", "assigned_to")
        rows = rows.annotate(opening_evidence=opening_evidence())
        found = rows.filter(
            pk=self.kwargs["alert_id"], project__in=[one.pk for one in asked.projects]
        ).first()
        if found is None:
            raise Http404
        self.alert, self.evidence = found, found.opening_evidence
        return replace(asked, project=found.project, range=time_around(found, asked.now), problem="")

    def context(self, scope: Scope) -> dict[str, Any]:
        alert = self.alert
        return {
            "title": alert.rule_name,
            "is_about_one": True,
            "severity_mark": severity_badge(alert.severity),
            "rule_url": reverse("admin:alerting_rule_change", args=[alert.rule_id]),
            **self._state(scope),
        }

    def panel_now(self, scope: Scope) -> dict[str, Any]:
        """State, buttons and timeline together: what one refresh finds is true of all three."""
        shown = self._state(scope)
        waits = any(one["notification"].status in UNFINISHED for one in shown["page"]["notifications"])
        return {**shown, "is_last": is_settled(self.alert, scope.now) and not waits}

    def _state(self, scope: Scope) -> dict[str, Any]:
        alert, user = self.alert, scope.request.user
        return {
            "page": alert_page(alert, scope.now),
            "zone": zone_name(scope.zone),
            "silence_url": _silence_url(alert),
            "durations": [(key, words) for key, (words, _) in DURATIONS.items()],
            "can_acknowledge": alert.status == Status.FIRING,
            "may_act": user.has_perm("alerting.change_alert"),
            "may_silence": user.has_perm("alerting.add_silence"),
        }

    def panel_chart(self, scope: Scope) -> dict[str, Any]:
        case = case_of(self.alert, self.evidence)
        links = _explorers(case, scope)
        return {"chart": alert_chart(case, scope), "links": links, "severity": self.alert.severity}

    def panel_impact(self, scope: Scope) -> dict[str, Any]:
        case = case_of(self.alert, self.evidence)
        if case.source in RECORDS and not scope.request.user.has_perm(RECORDS[case.source]):
            raise Problem("Your user may not look at the records behind this alert.")
        found = impact(case, scope.now)
        return {"impact": found, "links": _impact_links(found, scope) if found else []}

    def panel_examples(self, scope: Scope) -> dict[str, Any]:
        found, may = examples(case_of(self.alert, self.evidence)), scope.request.user.has_perm
        within = replace(scope, range=found.time)
        return {
            "examples": found,
            "may_see_traces": may(RECORDS[TRACES]),
            "may_see_events": may(RECORDS[EVENTS]),
            "traces": [
                (one, within.url(reverse("explore_trace", args=[one.trace_id]))) for one in found.traces
            ],
            "events": [
                (
                    one,
                    within.url(reverse("explore_events"), event=one.id),
                    within.url(reverse("explore_trace", args=[one.trace_id])) if one.trace_id else "",
                )
                for one in found.events
            ],
            **_more(found, within),
        }

    def panel_before(self, scope: Scope) -> dict[str, Any]:
        found = before(self.alert)
        return {
            "before": found,
            "rows": [
                (one, reverse("admin:alerting_alert_change", args=[one.alert.pk])) for one in found.newest
            ],
        }

    def panel_assignees(self, scope: Scope) -> dict[str, Any]:
        """Who may own it; asked for by itself, as the menu is seldom opened."""
        users = get_user_model().objects.filter(
            Q(projects=self.alert.project_id) | Q(is_superuser=True), is_active=True
        )
        owner = self.alert.assigned_to
        return {
            "assignees": users.distinct().order_by("username").values_list("username", flat=True),
            "chosen": owner.get_username() if owner else "",
        }


def is_settled(alert: Alert, now: datetime) -> bool:
    """Whether it has been over for so long that it changes no more by itself."""
    return alert.resolved_at is not None and now - alert.resolved_at > SETTLED_AFTER


def _silence_url(alert: Alert) -> str:
    """The form of a silence that means this alert, which shows what it would hide."""
    query = {"project": alert.project_id, "matchers": "\n".join(silences.matchers_for([alert]))}
    return f"{reverse('admin:alerting_silence_add')}?{urlencode(query)}"


def _explorers(case: Case, scope: Scope) -> list[tuple[str, str]]:
    """Where the same numbers can be looked at more closely: words and URL."""
    filters = {name: value for name, value in case.clues.items() if value}
    match case.source:
        case "system_metric":
            metric = getattr(case.condition, "metric", None)
            named = {name: value for name, value in filters.items() if name in {"service_name", "host_name"}}
            return [("Metric", scope.url(reverse("explore_metrics"), metric_name=metric, **named))]
        case "trace":
            return [("Traces", scope.url(reverse("explore_traces"), **_own(case, case.source)))]
        case "telemetry_event":
            return [("Events", scope.url(reverse("explore_events"), **_own(case, case.source)))]
        case _:
            return []


def _own(case: Case, source: str) -> dict[str, str]:
    """The filters of the rule and the alert together; what has to be missing can't be asked for."""
    return {name: value for name, value in case.record_filters(source) or () if value}


def _more(found: Examples, within: Scope) -> Mapping[str, str]:
    return {
        "traces_url": within.url(reverse("explore_traces"), **found.trace_filters),
        "events_url": within.url(reverse("explore_events"), **found.event_filters),
    }


def _impact_links(found: Impact, scope: Scope) -> list[tuple[Any, str]]:
    """Each value that stands out, with the records that have it."""
    page = reverse("explore_events" if found.source == EVENTS else "explore_traces")
    within = replace(scope, range=found.time)
    return [(one, within.url(page, **{**found.filters, one.name: one.value})) for one in found.common]
