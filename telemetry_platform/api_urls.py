"""The HTTP interface: `POST` (ingest) and `GET` (signal app) share paths, joined here by method."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.decorators.csrf import csrf_exempt

from alerting import urls as alerting_urls
from analytics import urls as analytics_urls
from events.api import EventSummaryView, EventViewSet
from ingest.endpoints import otlp
from ingest.endpoints.native import (
    BusinessMetricIngestView,
    EventIngestView,
    MetricIngestView,
    SpanIngestView,
)
from ingest.endpoints.prometheus import RemoteWriteView
from ingest.endpoints.segment import SegmentBatchView, SegmentCallView
from ingest.protocols.segment.calls import CALLS
from ingest.protocols.segment.wire import BATCH_PATHS, PATHS
from metrics.api import (
    BusinessMetricViewSet,
    MetricChartView,
    MetricExemplarViewSet,
    MetricPointViewSet,
    MetricSeriesViewSet,
)
from metrics.federation_api import FederationView
from projects.api.retention import RetentionView
from telemetry_platform import errors
from traces.api import SpanSummaryView, SpanViewSet

View = Callable[..., Any]


def by_method(refuse: View = errors.method_not_allowed, **views: View) -> View:
    """One view that hands a request to the view of its method; `refuse` answers 405 with `Allow` for the others.

    OPTIONS goes to the view that takes telemetry, where there is one: browsers ask it before they send.
    """
    table = {method.upper(): view for method, view in views.items()}
    if "GET" in table:
        table.setdefault("HEAD", table["GET"])
    table.setdefault("OPTIONS", table.get("POST") or table["GET"])

    @csrf_exempt
    def dispatch(request: HttpRequest, **arguments: Any) -> HttpResponse:
        view = table.get(request.method or "")
        answer: HttpResponse = view(request, **arguments) if view else refuse(request, table)
        return answer

    return dispatch


def _paths(route: str, **views: View) -> tuple[URLPattern, list[URLPattern]]:
    """What is served at a route (with and without trailing slash), and what OpenAPI describes."""
    served = re_path(rf"^api/v1/{route}/?$", by_method(**views))
    return served, [re_path(rf"^api/v1/{route}$", view) for view in views.values()]


def _otlp(signal: str, view: View) -> tuple[URLPattern, list[URLPattern]]:
    """At the root: clients add this path to the endpoint they are given."""
    served = re_path(rf"^v1/{signal}/?$", by_method(otlp.method_not_allowed, post=view))
    return served, [re_path(rf"^v1/{signal}$", view)]


def _segment(names: Iterable[str], short: Iterable[str], view: View) -> tuple[URLPattern, list[URLPattern]]:
    """At the root, as the libraries have it; browser libraries send to `short` paths, which OpenAPI leaves out."""
    served = re_path(rf"^v1/(?:{'|'.join((*names, *short))})/?$", by_method(post=view))
    return served, [re_path(rf"^v1/{name}$", view) for name in names]


_ROUTES = [
    _paths("events", post=EventIngestView.as_view(), get=EventViewSet.as_view({"get": "list"})),
    _paths("event-summary", get=EventSummaryView.as_view()),
    _paths(r"events/(?P<event_id>.+?)", get=EventViewSet.as_view({"get": "retrieve"})),
    _paths("metrics", post=MetricIngestView.as_view(), get=MetricPointViewSet.as_view({"get": "list"})),
    _paths("metrics/series", get=MetricSeriesViewSet.as_view({"get": "list"})),
    _paths(r"metrics/series/(?P<series_id>[^/]+)", get=MetricSeriesViewSet.as_view({"get": "retrieve"})),
    _paths("metrics/exemplars", get=MetricExemplarViewSet.as_view({"get": "list"})),
    _paths("metric-chart", get=MetricChartView.as_view()),
    _paths(
        "business-metrics",
        post=BusinessMetricIngestView.as_view(),
        get=BusinessMetricViewSet.as_view({"get": "list"}),
    ),
    _paths(r"business-metrics/(?P<metric_id>[^/]+)", get=BusinessMetricViewSet.as_view({"get": "retrieve"})),
    _paths("traces", post=SpanIngestView.as_view(), get=SpanViewSet.as_view({"get": "list"})),
    _paths("write", post=RemoteWriteView.as_view()),
    _otlp("traces", otlp.OtlpTraceView.as_view()),
    _otlp("metrics", otlp.OtlpMetricView.as_view()),
    _otlp("logs", otlp.OtlpLogView.as_view()),
    _segment(CALLS, PATHS.keys() - set(CALLS), SegmentCallView.as_view()),
    _segment(["batch"], BATCH_PATHS - {"batch"}, SegmentBatchView.as_view()),
    _paths("prometheus/federate", get=FederationView.as_view()),
    _paths("span-summary", get=SpanSummaryView.as_view()),
    _paths(r"traces/(?P<trace_id>[^/]+)", get=SpanViewSet.as_view({"get": "retrieve"})),
    _paths("retention", get=RetentionView.as_view(), put=RetentionView.as_view()),
]

urlpatterns: list[URLPattern | URLResolver] = [served for served, _ in _ROUTES]
urlpatterns.append(path("api/v1/", include(alerting_urls)))
urlpatterns.append(path("api/v1/", include(analytics_urls)))

described: list[URLPattern | URLResolver] = [pattern for _, patterns in _ROUTES for pattern in patterns]
described.append(path("api/v1/", include(alerting_urls.described)))
described.append(path("api/v1/", include(analytics_urls.described)))
