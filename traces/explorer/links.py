"""Where pages of traces lead; what lies on other floors is named by its URL's name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from django.apps import apps
from django.http import QueryDict
from django.urls import reverse

from projects.pages.scope import Scope
from projects.pages.time_range import TimeRange
from traces.links import span_parameters
from traces.models import Span

MARGIN = timedelta(minutes=5)
"""Around a trace: what belongs to it may be logged a little before or after."""


def trace_url(scope: Scope, trace_id: str, span: Span | None = None) -> str:
    """The page of a trace, with one span opened."""
    return scope.url(reverse("explore_trace", args=(trace_id,)), **(span_parameters(span) if span else {}))


def search_of(scope: Scope) -> str:
    """The search that the reader looks at, as a trace's page keeps it in `back` to lead there again."""
    return scope.here().removeprefix("?")[:LONGEST_BACK]


def found_url(scope: Scope, trace_id: str, span: Span | None = None) -> str:
    """The page of a trace that a search found, which leads back to that search."""
    opened = span_parameters(span) if span else {}
    return scope.url(reverse("explore_trace", args=(trace_id,)), back=search_of(scope), **opened)


def back_url(text: str) -> str:
    """The search that `search_of` wrote down; "" for none. Whatever was written, it leads to the search for traces."""
    return f"{reverse('explore_traces')}?{QueryDict(text).urlencode()}" if text else ""


def around(scope: Scope, start: datetime, duration_ms: float) -> Scope:
    """The same reader looking at the time of a trace."""
    length = timedelta(milliseconds=min(duration_ms, _LONGEST_MS))
    return replace(scope, range=TimeRange(start, start + length).widened(MARGIN))


def kind_of(span: Span) -> dict[str, str]:
    """Filters of all spans that do the same."""
    return {"service_name": span.service_name, "operation_name": span.operation_name}


def traces_url(scope: Scope, **filters: str) -> str:
    """The search for traces."""
    return scope.url(reverse("explore_traces"), **filters)


def events_url(scope: Scope, **filters: str) -> str:
    return scope.url(reverse("explore_events"), **filters)


def service_metrics_url(scope: Scope, service_name: str) -> str:
    return scope.url(reverse("explore_metrics"), service_name=service_name)


def services_with_metrics(scope: Scope, names: Collection[str]) -> set[str]:
    """Those of the services whose metrics the reader can look at. One statement, none without services."""
    if not names or not scope.request.user.has_perm("metrics.view_metricseries"):
        return set()
    # By name, for metrics are beside traces and not below them.
    series = apps.get_model("metrics", "MetricSeries")._default_manager.filter(project=scope.project)
    found = series.filter(service_name__in=names).values_list("service_name", flat=True).distinct()
    return {name for name in found if name}


def attribute_url(scope: Scope, key: str, value: str) -> str:
    """All spans with the same attribute."""
    filters: Mapping[str, str] = {f"tags.{key}": value, "match": "any"}
    return scope.url(reverse("explore_traces"), **filters)


LONGEST_BACK = 1500
"""In characters; every link of a page of results carries it."""
_LONGEST_MS = 86_400_000.0
