from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from ingest.sources import gathering
from ingest.sources_page.facts import NO_PROJECT, Facts, load
from ingest.sources_page.rows import Sums, silent_keys, source_rows, summed
from ingest.sources_page.words import WHAT
from projects import figures
from projects.admin_base import example_command
from projects.models import Project
from projects.retention import FOR_EVER, Kind, days_kept, in_words
from projects.visibility import visible_projects

PERMISSION = "ingest.view_sourceminute"


@dataclass(frozen=True, slots=True)
class Tile:
    """One number of the hour: what it is, how much, in words beside it."""

    label: str
    value: str | SafeString
    note: str
    state: str = "quiet"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The times that are accepted now of one kind of data; `oldest` is None where it is kept for ever."""

    what: str
    oldest: datetime | None
    kept: str


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`?project=` chooses one of the user's projects; without it the first."""
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    projects = list(visible_projects(request.user))
    chosen = chosen_project(projects, request.GET.get("project", ""))
    # What this process gathered since its last flush is news as well.
    gathering.flush()
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Sources",
        "projects": projects,
        "project": chosen,
    }
    if chosen:
        context |= _of_project(chosen, timezone.now())
    return TemplateResponse(request, "ingest/sources.html", context)


def chosen_project(projects: Sequence[Project], wanted: str) -> Project | None:
    """The project named in the URL, or the first; None for users without projects."""
    return next((one for one in projects if str(one.pk) == wanted), projects[0] if projects else None)


def _of_project(project: Project, now: datetime) -> dict[str, Any]:
    facts = load(project.pk, now)
    days = {kind: days_kept(project.pk, kind) for kind in WHAT}
    return {
        "now": now,
        "tiles": _tiles(facts, now),
        "rows": source_rows(facts, days, now),
        "silent_keys": silent_keys(facts),
        "accepted": _accepted(days, now),
        "add_key_url": f"{reverse('admin:projects_apikey_add')}?project={project.pk}",
        "first_command": example_command("events", '{"event_name": "hello"}'),
    }


def _accepted(days: Mapping[Kind, int], now: datetime) -> list[Accepted]:
    return [
        Accepted(WHAT[kind], None if kept >= FOR_EVER else now - timedelta(days=kept), in_words(kept))
        for kind, kept in days.items()
    ]


def _tiles(facts: Facts, now: datetime) -> list[Tile]:
    """Of this project alone: what no key belongs to is in the table only."""
    sums = summed(
        row for source, rows in facts.minutes.items() if source.project_id != NO_PROJECT for row in rows
    )
    seen = [at for source, at in facts.last_seen.items() if source.project_id != NO_PROJECT]
    return [
        Tile(
            "Last seen",
            figures.age_html(max(seen), now) if seen else "nothing",
            "any request of this project",
        ),
        Tile("Stored", figures.number(sums.records), "records in the last hour"),
        Tile(
            "Rejected", figures.number(sums.rejected), _share(sums), "warning" if sums.rejected else "quiet"
        ),
        Tile(
            "Refused",
            figures.number(sums.refused),
            f"of {figures.number(sums.requests)} requests",
            "warning" if sums.refused else "quiet",
        ),
        Tile("Duplicates", figures.number(sums.duplicates), "were stored before"),
    ]


def _share(sums: Sums) -> str:
    total = sums.records + sums.duplicates + sums.rejected
    return f"{100 * sums.rejected / total:.2g} % of all records" if sums.rejected else "records"
