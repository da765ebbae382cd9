from __future__ import annotations

from datetime import datetime

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST
from kombu.exceptions import OperationalError

from storage.registry import tables
from telemetry_platform.purge.planning import plan
from telemetry_platform.retention_page import facts
from telemetry_platform.retention_page.rows import table_rows
from telemetry_platform.retention_page.tiles import tiles
from telemetry_platform.tasks import purge_expired

PURGE_EXPIRES_SECONDS = 600
STARTED = "A worker purges as soon as it is free. Reload this page to see what came of it."
NO_QUEUE = "Nothing was purged: the queue that leads to the worker can't be reached. Try again in a minute."


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
        "tiles": tiles(found, now),
        "tables": table_rows(found, tables(), opened, now),
        "last_run": found.last_run,
        "preview": _preview(now) if "preview" in request.GET else None,
    }
    return TemplateResponse(request, "telemetry_platform/retention.html", context)


@require_POST
def purge_now(request: HttpRequest) -> HttpResponse:
    """Ask a worker for a purge; it runs there and not in this request."""
    _check(request)
    try:
        purge_expired.apply_async(expires=PURGE_EXPIRES_SECONDS, retry=False)
    except OperationalError:
        messages.error(request, NO_QUEUE)
    else:
        messages.success(request, STARTED)
    return redirect("storage")


def _preview(now: datetime) -> list[str]:
    return [preview for step in plan(now) if (preview := step.preview)]


def _check(request: HttpRequest) -> None:
    """Superusers only: what is shown and purged is of all projects."""
    if not request.user.is_superuser:
        raise PermissionDenied
