from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from projects.jobs.progress import progress_of
from projects.pages.zones import zone_name
from storage.registry import tables
from telemetry_platform.purge.planning import plan
from telemetry_platform.retention_page import facts
from telemetry_platform.retention_page.rows import table_rows
from telemetry_platform.retention_page.tiles import tiles


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    """`?table=` opens the days of one table, `?preview=1` says what a purge would remove now."""
    _check(request)
    now = timezone.now()
    opened = request.GET.get("table", "")
    found = facts.load(opened)
    context = {
        **admin.site.each_context(request),
        "title": "Storage and retention",
        "zone": zone_name(timezone.get_current_timezone()),
        "tiles": tiles(found, now),
        "tables": table_rows(found, tables(), opened, now),
        "last_run": found.last_run,
        "preview": _preview(now) if "preview" in request.GET else None,
        "jobs": [(job, progress_of(job, now)) for job in found.jobs],
    }
    return TemplateResponse(request, "telemetry_platform/retention.html", context)


def _preview(now: datetime) -> list[str]:
    return [preview for step in plan(now) if (preview := step.preview)]


def _check(request: HttpRequest) -> None:
    """Superusers only: what is shown and purged is of all projects."""
    if not request.user.is_superuser:
        raise PermissionDenied
