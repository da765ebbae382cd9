"""Where the explorer leads: rows of the admin, a rule, a trace. By name: other floors have pages of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode

from django.urls import reverse

from metrics.explorer.choice import AGGREGATION_WORDS, Choice
from metrics.explorer.drawing import suggested_threshold
from metrics.explorer.labels import parameter_of
from metrics.explorer.measuring import Measured
from metrics.series import COPIED_LABELS
from projects.pages.overlays import ALERTS, overlay_url
from projects.pages.scope import Scope


def series_url(project_id: int, metric: str) -> str:
    """The list of all series of a metric, and of those whose names contain it."""
    query = urlencode({"project": project_id, "q": metric})
    return f"{reverse('admin:metrics_metricseries_changelist')}?{query}"


def tabs(project_id: int) -> list[tuple[str, str]]:
    """Lists beside the explorer: words and URL."""
    query = urlencode({"project": project_id})
    return [
        ("Business metrics", f"{reverse('admin:metrics_businessmetric_changelist')}?{query}"),
        ("All series", f"{reverse('admin:metrics_metricseries_changelist')}?{query}"),
    ]


def rule_url(project_id: int, choice: Choice, lines: Sequence[Measured]) -> str:
    """The form of a new rule that watches the metric of these lines as the chart shows it."""
    metric, aggregation = lines[0].metric, lines[0].aggregation
    threshold = suggested_threshold(lines)
    given = {
        "project": str(project_id),
        "rule_type": "metric_threshold",
        "source_type": "system_metric",
        "name": f"{AGGREGATION_WORDS[aggregation]} of {metric}"[:200],
        "metric": metric,
        "aggregation": aggregation,
        "group_by": ", ".join(choice.group_by),
        "threshold": "" if threshold is None else f"{threshold:g}",
        "filters": "\n".join(
            f"{name.removeprefix('tags.')}={value}" for name, value in _label_filters(choice)
        ),
    }
    return f"{reverse('admin:alerting_rule_add')}?{urlencode({name: text for name, text in given.items() if text})}"


def _label_filters(choice: Choice) -> list[tuple[str, str]]:
    """Rules name labels as series do; they don't look at types and units."""
    return [
        (name, value)
        for name, value in choice.filters.items()
        if name in COPIED_LABELS or name.startswith("tags.")
    ]


def trace_url(scope: Scope, trace_id: str) -> str:
    return scope.url(reverse("explore_trace", args=[trace_id]))


def overlays_url(scope: Scope, choice: Choice, line: Measured, interval: timedelta) -> str:
    """Rules' thresholds and alerts' episodes of a line's metric, of which each point stands for `interval`."""
    about = {"metric_name": line.metric, "aggregation": line.aggregation}
    about["bucket_seconds"] = f"{interval.total_seconds():g}"
    return overlay_url(scope, ALERTS, **choice.filters, **about)


def only_url(scope: Scope, line: Measured) -> str:
    """This page with the line's labels as filters."""
    labels = {parameter_of(name.removeprefix("tags.")): value for name, value in line.labels.items()}
    return scope.here(**labels)


def grouped_url(scope: Scope, choice: Choice, label: str) -> str:
    """This page with a line for each value of one more label, or of one less where it is among them."""
    others = [name for name in choice.group_by if name not in {label, "*"}]
    chosen = others if label in choice.group_by else [*others, label]
    return scope.here(group_by=",".join(chosen))


def filtered_url(scope: Scope, parameter: str, value: str) -> str:
    return scope.here(**{parameter: value})


def with_metric_url(scope: Scope, name: str) -> str:
    """The chart of a metric, beside those that are chosen already where one is being added."""
    chosen = scope.filters.get("metric_name", "") if "add" in scope.filters else ""
    names = f"{chosen},{name}" if chosen else name
    return scope.here(metric_name=names, add="", q="", after="")
