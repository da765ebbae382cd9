"""One endpoint per signal: which records it decodes and which table they go to."""

from __future__ import annotations

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from events.records import EventRecord
from events.records import prepare as prepare_events
from ingest.pipeline import Signal
from ingest.protocols.native import NativeFormat
from ingest.schemas import INGEST_ANSWERS, body_schema
from ingest.views import IngestView
from metrics.business import BusinessMetricRecord
from metrics.business import prepare as prepare_business_metrics
from metrics.records import MetricRecord
from metrics.records import prepare as prepare_metrics
from traces.records import SpanRecord
from traces.records import prepare as prepare_spans


class EventIngestView(IngestView):
    """Events and log records."""

    signal = Signal("events", prepare_events)
    wire = NativeFormat(EventRecord, "events", bare=True)

    @extend_schema(
        operation_id="send_events",
        tags=["events"],
        request=body_schema(EventRecord, "events"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class MetricIngestView(IngestView):
    """Points of metric series."""

    signal = Signal("metrics", prepare_metrics)
    wire = NativeFormat(MetricRecord, "metrics")

    @extend_schema(
        operation_id="send_metrics",
        tags=["metrics"],
        request=body_schema(MetricRecord, "metrics"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class BusinessMetricIngestView(IngestView):
    """Numbers over periods; another value for the same period replaces the older one."""

    signal = Signal("business", prepare_business_metrics)
    wire = NativeFormat(BusinessMetricRecord, "metrics")

    @extend_schema(
        operation_id="send_business_metrics",
        tags=["business-metrics"],
        request=body_schema(BusinessMetricRecord, "metrics"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class SpanIngestView(IngestView):
    """Spans of traces."""

    signal = Signal("traces", prepare_spans)
    wire = NativeFormat(SpanRecord, "spans")

    @extend_schema(
        operation_id="send_spans",
        tags=["traces"],
        request=body_schema(SpanRecord, "spans"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)
