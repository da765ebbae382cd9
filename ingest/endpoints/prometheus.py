"""Prometheus remote write, both versions at one path."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request

from ingest.protocols.remote_write.formats import RemoteWrite1, RemoteWrite2
from ingest.views import IngestView

_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_REFUSALS = {
    400: "How much was not written, and why.",
    401: "No API key, or a wrong one.",
    403: "The key lacks the scope `ingest`.",
    413: "More than 20 MB, 50 MB inflated, or 10,000 entries.",
    415: "Another media type, message or encoding.",
    429: "Past the key's rate; see Retry-After.",
    503: "Nothing was stored; see Retry-After.",
}
_COUNTS = [
    OpenApiParameter(
        f"X-Prometheus-Remote-Write-{kind}-Written",
        int,
        OpenApiParameter.HEADER,
        description=f"{kind} stored, also beside 4xx; 2.0 only.",
        response=[204, 400],
    )
    for kind in ("Samples", "Histograms", "Exemplars")
]


class RemoteWriteView(IngestView):
    """Samples, native histograms, exemplars and metadata of Prometheus servers and agents."""

    formats = (RemoteWrite2(), RemoteWrite1())

    @extend_schema(
        operation_id="prometheus_remote_write",
        tags=["prometheus"],
        summary="Prometheus remote write 1.0 and 2.0",
        description=(
            "A protobuf message in snappy's block format (`Content-Encoding: snappy`). "
            "`application/x-protobuf` is `prometheus.WriteRequest` (1.0); with "
            "`;proto=io.prometheus.write.v2.Request` it is that message (2.0). "
            "What was stored before is stored once. Where something can't be written the answer is 400 with the "
            "reasons as plain text: all the rest is stored, and a sender must not repeat the request. That is so for "
            "samples older than the retention or more than 1 h ahead, too: Prometheus drops them."
        ),
        parameters=_COUNTS,
        request={
            "application/x-protobuf": _BINARY,
            "application/x-protobuf;proto=io.prometheus.write.v2.Request": _BINARY,
        },
        responses={
            204: OpenApiResponse(description="All of it is stored."),
            **{
                (status, "text/plain"): OpenApiResponse({"type": "string"}, description=text)
                for status, text in _REFUSALS.items()
            },
        },
    )
    def post(self, request: Request) -> HttpResponse:
        return super().post(request)
