from __future__ import annotations

import math

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse

from alerting.overlays.metric import MetricQuestion, overlays
from projects.pages.scope import scope_of

_NO_LABELS = {"metric_name", "group_by", "aggregation", "bucket_seconds"}
_TAGS = "tags."


def metric_overlays(request: HttpRequest) -> JsonResponse:
    """`?metric_name=&aggregation=&bucket_seconds=&project=&start=&end=`, and labels as the metric explorer filters.

    `{"thresholds": [{"value", "label", "state", "url"}], "bands": [{"start", "end", "label", "state", "url"}]}`, and
    `others`, thresholds that the chart has no place for, each with `why`. Thresholds are for those who may view rules,
    bands for those who may view alerts.
    """
    with_rules, with_alerts = (request.user.has_perm(f"alerting.view_{what}") for what in ("rule", "alert"))
    if not (with_rules or with_alerts):
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
    question = MetricQuestion(
        project_id=scope.project.pk,
        metric_name=name,
        labels=labels,
        start=scope.range.start,
        end=scope.range.end,
        aggregation=scope.filters.get("aggregation", ""),
        bucket_seconds=_seconds(scope.filters.get("bucket_seconds", "")),
    )
    answer = JsonResponse(overlays(question, scope.now, with_rules=with_rules, with_alerts=with_alerts))
    answer["Cache-Control"] = "no-store"
    return answer


def _seconds(text: str) -> float:
    """0 for what is no length of time."""
    try:
        seconds = float(text)
    except ValueError:
        return 0
    return seconds if math.isfinite(seconds) and seconds > 0 else 0
