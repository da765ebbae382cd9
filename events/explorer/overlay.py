"""What events draw into charts of other telemetry: deploys, asked for by the page's script."""

from __future__ import annotations

from typing import TypedDict

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.urls import reverse

from events.deploys import Deploy, deploys
from events.explorer.selection import EVENT, EVENT_TIME
from projects.pages.scope import Scope, scope_of

MOST_MARKS = 50


class MarkAnswer(TypedDict):
    """`at` is RFC 3339; `url` opens the deploy's event."""

    at: str
    label: str
    url: str


class Marks(TypedDict):
    """Newest first. `is_cut`: there are older ones in the range that are not listed."""

    marks: list[MarkAnswer]
    is_cut: bool


def deploy_overlays(request: HttpRequest) -> JsonResponse:
    """`?project=&start=&end=`: the newest deploys of the range, as `overlays.js` draws them into charts."""
    if not request.user.has_perm("events.view_event"):
        raise PermissionDenied
    scope = scope_of(request)
    if scope.project is None:
        raise Http404
    if scope.problem:
        return JsonResponse({"detail": scope.problem}, status=400)
    found = deploys(scope.project.pk, scope.range.start, scope.range.end, MOST_MARKS + 1)
    marks = [_mark(scope, one) for one in found[:MOST_MARKS]]
    answer = JsonResponse(Marks(marks=marks, is_cut=len(found) > MOST_MARKS))
    answer["Cache-Control"] = "no-store"
    return answer


def _mark(scope: Scope, deploy: Deploy) -> MarkAnswer:
    at = deploy.at.isoformat()
    opened = {EVENT: str(deploy.id), EVENT_TIME: at}
    return MarkAnswer(at=at, label=deploy.label, url=scope.url(reverse("explore_events"), **opened))
