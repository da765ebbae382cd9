"""The platform's own JSON: one endpoint per signal."""

from __future__ import annotations

from collections.abc import Mapping

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from events.records import EventRecord
from ingest.authentication import BeaconKeyAuthentication
from ingest.foreign_schemas import CLOUDEVENTS_ANSWERS, cloudevents_schema
from ingest.protocols.cloudevents.webhook import webhook_consent
from ingest.protocols.cloudevents.wire import CloudEventsFormat
from ingest.protocols.native import NativeFormat
from ingest.schemas import INGEST_ANSWERS, body_schema
from ingest.views import IngestView
from metrics.business import BusinessMetricRecord
from metrics.records import MetricRecord
from traces.records import SpanRecord


class NativeIngestView(IngestView):
    """Also takes what browsers send as beacons."""

    authentication_classes = [BeaconKeyAuthentication]


class EventIngestView(NativeIngestView):
    """Events and log records."""

    # CloudEvents first: in binary mode they come under any Content-Type.
    formats = (CloudEventsFormat(), NativeFormat("events", EventRecord, "events", bare=True))

    def consent(self, headers: Mapping[str, str]) -> dict[str, str]:
        return webhook_consent(headers)

    @extend_schema(
        operation_id="send_events",
        tags=["events"],
        request={**body_schema(EventRecord, "events"), **cloudevents_schema()},
        responses={**CLOUDEVENTS_ANSWERS, **INGEST_ANSWERS},
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class MetricIngestView(NativeIngestView):
    """Points of metric series."""

    formats = (NativeFormat("metrics", MetricRecord, "metrics"),)

    @extend_schema(
        operation_id="send_metrics",
        tags=["metrics"],
        request=body_schema(MetricRecord, "metrics"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class BusinessMetricIngestView(NativeIngestView):
    """Numbers over periods; another value for the same period replaces the older one."""

    formats = (NativeFormat("business", BusinessMetricRecord, "metrics"),)

    @extend_schema(
        operation_id="send_business_metrics",
        tags=["business-metrics"],
        request=body_schema(BusinessMetricRecord, "metrics"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class SpanIngestView(NativeIngestView):
    """Spans of traces."""

    formats = (NativeFormat("traces", SpanRecord, "spans"),)

    @extend_schema(
        operation_id="send_spans",
        tags=["traces"],
        request=body_schema(SpanRecord, "spans"),
        responses=INGEST_ANSWERS,
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)
