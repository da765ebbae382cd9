"""OTLP/HTTP at the paths that OpenTelemetry's clients add to their endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request

from ingest.protocols.base import Refusal
from ingest.protocols.otlp.answers import JSON, PROTOBUF
from ingest.protocols.otlp.wire import LOGS, METRICS, TRACES, OtlpFormat
from ingest.views import IngestView, head_of

Post = Callable[[Any, Request], HttpResponse]

_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_STATUS: dict[str, Any] = {
    "type": "object",
    "required": ["message"],
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "details": {"type": "array", "items": {"type": "object"}},
    },
}
_REFUSALS = {
    400: "The body can't be decoded. Nothing was stored.",
    401: "No API key, or a wrong one.",
    403: "The key lacks the scope `ingest`.",
    413: "More than 20 MB, 50 MB inflated, or 10,000 records.",
    415: "Another media type or encoding.",
    429: "Past the key's rate; see Retry-After.",
    503: "The store can't take it now; see Retry-After. Nothing was stored.",
}


def _described(wire: OtlpFormat, operation_id: str, tag: str) -> Callable[[Post], Post]:
    """OpenAPI of one signal's endpoint."""
    message = wire.request.DESCRIPTOR.name
    refusals = {
        (status, media_type): OpenApiResponse(schema, description=text)
        for status, text in _REFUSALS.items()
        for media_type, schema in ((PROTOBUF, _BINARY), (JSON, _STATUS))
    }
    described: Callable[[Post], Post] = extend_schema(
        operation_id=operation_id,
        tags=[tag],
        summary=f"OTLP/HTTP: {wire.noun}",
        description=(
            f"OpenTelemetry's `{message}` as protobuf or JSON, plain or gzip'd; point "
            "`OTEL_EXPORTER_OTLP_ENDPOINT` at this server. Answers are in the request's encoding: an empty message, "
            "`partial_success` where some records were rejected, `google.rpc.Status` where all of it is refused."
        ),
        request={PROTOBUF: _BINARY, JSON: _envelope_schema(wire)},
        responses={
            (200, PROTOBUF): OpenApiResponse(
                _BINARY, description="Stored, but for what `partial_success` counts."
            ),
            (200, JSON): OpenApiResponse(
                _answer_schema(wire), description="Stored, but for what `partialSuccess` counts."
            ),
            **refusals,
        },
    )
    return described


def _envelope_schema(wire: OtlpFormat) -> dict[str, Any]:
    (resources,) = wire.request.DESCRIPTOR.fields
    return {
        "type": "object",
        "properties": {resources.json_name: {"type": "array", "items": {"type": "object"}}},
    }


def _answer_schema(wire: OtlpFormat) -> dict[str, Any]:
    (partial,) = wire.response.DESCRIPTOR.fields
    assert partial.message_type is not None
    rejected = partial.message_type.fields_by_name[wire.rejected_field].json_name
    members = {rejected: {"type": "string", "format": "int64"}, "errorMessage": {"type": "string"}}
    return {"type": "object", "properties": {partial.json_name: {"type": "object", "properties": members}}}


class OtlpTraceView(IngestView):
    """Spans of OpenTelemetry's clients."""

    formats = (TRACES,)

    @_described(TRACES, "otlp_traces", "traces")
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class OtlpMetricView(IngestView):
    """Metrics of OpenTelemetry's clients."""

    formats = (METRICS,)

    @_described(METRICS, "otlp_metrics", "metrics")
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


class OtlpLogView(IngestView):
    """Log records of OpenTelemetry's clients: events of type `log`."""

    formats = (LOGS,)

    @_described(LOGS, "otlp_logs", "events")
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)


def method_not_allowed(request: HttpRequest, allowed: Iterable[str]) -> HttpResponse:
    """405 as a Status, which is what OTLP's clients read."""
    refusal = Refusal(405, "method_not_allowed", f'Method "{request.method}" not allowed.')
    answer = TRACES.refuse(refusal, head_of(request))
    headers = {"Allow": ", ".join(sorted(set(allowed) - {"OPTIONS"}))}
    return HttpResponse(answer.body, status=405, content_type=answer.content_type, headers=headers)
