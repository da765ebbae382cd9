from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse

from alerting.overlays.metric import MetricQuestion, overlays
from projects.pages.scope import scope_of

_NO_LABELS = {"metric_name", "group_by", "aggregation"}
_TAGS = "tags."


def metric_overlays(request: HttpRequest) -> JsonResponse:
    """`?metric_name=&aggregation=&project=&start=&end=`, and labels as the metric explorer filters by them.

    `{"thresholds": [{"value", "label", "state", "url"}], "bands": [{"start", "end", "label", "state", "url"}]}`, and
    `others`, thresholds of other aggregations than the one that is given.
    """
    if not request.user.has_perm("alerting.view_alert"):
        raise PermissionDenied
    scope = scope_of(request)
    name = scope.filters.get("metric_name", "")
    if scope.project is None or not name:
        raise Http404
    if scope.problem:
        return JsonResponse({"detail": scope.problem}, status=400)
    labels = {
        label.removeprefix(_TAGS): value for label, value in scope.filters.items() if label not in _NO_LABELS
    }
    times = scope.range.start, scope.range.end
    question = MetricQuestion(scope.project.pk, name, labels, *times, scope.filters.get("aggregation", ""))
    answer = JsonResponse(overlays(question, scope.now))
    answer["Cache-Control"] = "no-store"
    return answer
