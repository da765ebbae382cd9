from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from projects.api.summaries import SummaryView, summary_answer
from projects.api.views import ProjectReadViewSet
from traces.filters import SpanFilterSet, SpanSummaryParameters
from traces.models import Span
from traces.queries import SUMMARY_MEASURES, load_trace, summary
from traces.rollups import DIMENSIONS
from traces.serializers import SpanSerializer, TraceSerializer


class SpanViewSet(ProjectReadViewSet):
    """Spans of the key's project, newest first, and whole traces."""

    model = Span
    keyset = ("start_time", "trace_id", "span_id")
    serializer_class = SpanSerializer
    filterset_class = SpanFilterSet

    @extend_schema(responses=TraceSerializer)
    def retrieve(self, request: Request, trace_id: str) -> Response:
        """A whole trace as a tree."""
        trace = load_trace(self.get_queryset(), trace_id)
        if trace is None:
            raise NotFound
        return Response(TraceSerializer(trace).data)


class SpanSummaryView(SummaryView):
    """Rate, errors and durations of spans over time."""

    parameters_class = SpanSummaryParameters

    @extend_schema(
        operation_id="span_summary",
        tags=["span-summary"],
        parameters=[SpanSummaryParameters],
        responses=summary_answer(DIMENSIONS, SUMMARY_MEASURES),
    )
    def get(self, request: Request) -> Response:
        """Rate, error ratio and percentiles (within 1 %) of spans, one array a service, operation or kind."""
        return self.answer(request, summary)
