"""Suggestions for the matcher editor, asked for by its script."""

from __future__ import annotations

from dataclasses import asdict

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

from analytics.matchers import suggestions
from analytics.matchers.suggestions import Suggestion
from projects.pages.page import Problem, patiently
from projects.pages.scope import Scope, scope_of

PERMISSION = "events.view_event"


@require_safe
@cache_control(private=True, max_age=60)
def suggested(request: HttpRequest) -> JsonResponse:
    """`?of=names`, `?of=fields&event_name=` or `?of=values&field=&event_name=` of `project=`.

    `{"suggestions": [{"value", "count"}]}`; none where finding them takes too long.
    """
    if not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    scope = scope_of(request)
    if scope.project is None:
        raise Http404
    try:
        found = patiently(lambda: _suggestions(scope))
    except Problem:
        found = []
    except ValueError as error:
        return JsonResponse({"detail": str(error), "code": "invalid"}, status=400)
    return JsonResponse({"suggestions": [asdict(one) for one in found]})


def _suggestions(scope: Scope) -> list[Suggestion]:
    assert scope.project
    project_id, given = scope.project.pk, scope.filters
    match given.get("of"):
        case "names":
            return suggestions.names(project_id, scope.now)
        case "fields":
            return suggestions.fields(project_id, given.get("event_name", ""))
        case "values":
            return suggestions.values(project_id, given.get("field", ""), given.get("event_name", ""))
        case _:
            raise ValueError("of: Must be one of names, fields, values.")
