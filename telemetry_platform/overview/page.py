"""The page itself, and what each of its panels shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.urls import reverse

from projects.admin_base import example_command
from projects.models import Project
from projects.pages.page import Page
from projects.pages.scope import Scope
from projects.visibility import visible_projects
from telemetry_platform.overview import (
    arriving,
    happened,
    hosts,
    machinery,
    needs,
    requests,
    services,
    tiles,
)
from telemetry_platform.overview.periods import Periods
from traces.service_state import FAILING_RATIO

TEMPLATES = "telemetry_platform/overview"
LIVE_SECONDS = 10
CALM_SECONDS = 60
PLATFORM_SECONDS = 30
"""Reading the roll-ups' state takes a connection of its own."""
LIVE_UP_TO = timedelta(hours=6)

ALERTS, RULES, CHANNELS = "alerting.view_alert", "alerting.view_rule", "alerting.view_notificationchannel"
EVENTS, SPANS, METRICS = "events.view_event", "traces.view_span", "metrics.view_metricseries"
SOURCES = "ingest.view_sourceminute"
PEOPLE = "people"

REQUESTS: Mapping[requests.Source, str] = {"spans": SPANS, "events": EVENTS}
PERMISSIONS: Mapping[str, Sequence[str]] = {
    "numbers": (ALERTS, SPANS, EVENTS, SOURCES, METRICS),
    "services": (SPANS,),
    "alerts": (ALERTS,),
    "alerting": (RULES,),
    "happened": (ALERTS, EVENTS),
}
"""Panels with the permissions of the pages they lead to: one of them is enough to see something."""


class Overview(Page):
    """What needs somebody is of all the reader's projects; numbers and history are of the chosen one."""

    title = "Overview"
    template = f"{TEMPLATES}/page.html"
    permission = ""  # each panel asks for its own
    panels = {
        "numbers": f"{TEMPLATES}/numbers.html",
        "services": f"{TEMPLATES}/services.html",
        "alerts": f"{TEMPLATES}/alerts.html",
        "alerting": f"{TEMPLATES}/defects.html",
        "platform": f"{TEMPLATES}/defects.html",
        "happened": f"{TEMPLATES}/happened.html",
        "arrival": f"{TEMPLATES}/arrival.html",
    }

    def context(self, scope: Scope) -> dict[str, Any]:
        return {
            "shows": [name for name in PERMISSIONS if _may_see(scope, name)],
            "is_empty": not arriving.has_telemetry(_chosen(scope).pk, scope.now),
            "first_event": example_command("events", '{"event_name": "hello"}'),
            "live_seconds": LIVE_SECONDS,
            "platform_seconds": PLATFORM_SECONDS,
            "numbers_seconds": LIVE_SECONDS if scope.range.length <= LIVE_UP_TO else CALM_SECONDS,
        }

    def panel_numbers(self, scope: Scope) -> dict[str, Any]:
        """Each number is for those who may open the page that explains it."""
        _demand(scope, "numbers")
        project, may = _chosen(scope), scope.request.user.has_perm
        shown: list[tiles.Tile] = []
        if may(ALERTS):
            shown.append(tiles.alerts_tile(needs.open_counts(scope.projects, project), scope))
        if sources := [of for of, wanted in REQUESTS.items() if may(wanted)]:
            found = requests.read(project.pk, Periods.of(scope.range, scope.now), sources)
            shown += [tiles.error_tile(found, scope), tiles.latency_tile(found, scope)]
        if may(SOURCES):
            found_arriving = arriving.read(project.pk, scope.range, scope.now)
            shown.append(tiles.ingest_tile(found_arriving, scope, scope.now))
        if may(METRICS):
            own = [one.pk for one in scope.projects if one.slug == settings.SELF_PROJECT]
            heard = hosts.read({project.pk, *own}, scope.range.start, scope.now)
            shown.append(tiles.hosts_tile(heard, scope))
        return {"tiles": shown}

    def panel_services(self, scope: Scope) -> dict[str, Any]:
        _demand(scope, "services")
        found = services.read(_chosen(scope).pk, Periods.of(scope.range, scope.now))
        return {
            "services": found[: services.SHOWN],
            "more": max(len(found) - services.SHOWN, 0),
            "may_be_cut": len(found) == services.MOST_SERVICES,
            "traces_url": reverse("explore_traces"),
            "services_url": reverse("explore_services"),
            "failing_percent": f"{100 * FAILING_RATIO:.0f}",
        }

    def panel_alerts(self, scope: Scope) -> dict[str, Any]:
        _demand(scope, "alerts")
        return {
            "needs": needs.read(scope.projects, _chosen(scope), scope.now),
            "inbox_url": reverse("inbox"),
            "may_acknowledge": scope.request.user.has_perm("alerting.change_alert"),
        }

    def panel_alerting(self, scope: Scope) -> dict[str, Any]:
        _demand(scope, "alerting")
        may_see_channels = scope.request.user.has_perm(CHANNELS)
        defects = machinery.of_alerting(
            visible_projects(scope.request.user), scope.now, with_channels=may_see_channels
        )
        fine = "Every rule is evaluated on time"
        return {
            "defects": defects,
            "fine": f"{fine}, and every channel works." if may_see_channels else f"{fine}.",
        }

    def panel_platform(self, scope: Scope) -> dict[str, Any]:
        """For superusers alone: it tells of the whole machine."""
        if not scope.request.user.is_superuser:
            return {"defects": [], "fine": ""}
        return {
            "defects": machinery.of_platform(scope.now),
            "fine": "Worker, scheduler, disk, roll-ups and purge are well.",
        }

    def panel_happened(self, scope: Scope) -> dict[str, Any]:
        _demand(scope, "happened")
        may = scope.request.user.has_perm
        with_people = may(ALERTS)
        if with_people and scope.filters.get("happened") == PEOPLE:
            found = happened.by_people(_chosen(scope), scope.range)
            return {"happenings": found, "with_people": True, "is_by_people": True}
        found = happened.read(_chosen(scope), scope.range, with_alerts=with_people, with_deploys=may(EVENTS))
        return {"happenings": found, "with_people": with_people}

    def panel_arrival(self, scope: Scope) -> dict[str, Any]:
        return {"has_arrived": arriving.has_telemetry(_chosen(scope).pk, scope.now)}


def _may_see(scope: Scope, panel: str) -> bool:
    return any(scope.request.user.has_perm(wanted) for wanted in PERMISSIONS[panel])


def _demand(scope: Scope, panel: str) -> None:
    if not _may_see(scope, panel):
        raise PermissionDenied


def _chosen(scope: Scope) -> Project:
    """Pages ask for content only where there is a project."""
    assert scope.project is not None
    return scope.project
