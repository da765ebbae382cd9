from __future__ import annotations

from collections.abc import Sequence

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from events.filters import EventFilterSet, EventSummaryParameters
from events.models import Event
from events.queries import SUMMARY_MEASURES, USERS, CannotSummarise, newest_by_id, summary
from events.rollups import DIMENSIONS, MINUTE_DIMENSIONS
from events.serializers import EventSerializer
from projects.api.errors import BadRequest
from projects.api.summaries import SummaryView, summary_answer
from projects.api.views import ProjectReadViewSet
from projects.api.windows import Step
from storage.rollups.summaries import Group, Question


class EventViewSet(ProjectReadViewSet):
    """Events of the key's project, newest first."""

    model = Event
    keyset = ("event_timestamp", "id")
    serializer_class = EventSerializer
    filterset_class = EventFilterSet

    def retrieve(self, request: Request, event_id: str) -> Response:
        event = newest_by_id(self.get_queryset(), event_id)
        if event is None:
            raise NotFound
        return Response(self.get_serializer(event).data)


class EventSummaryView(SummaryView):
    """How often events happened over time."""

    parameters_class = EventSummaryParameters

    @extend_schema(
        operation_id="event_summary",
        tags=["event-summary"],
        parameters=[EventSummaryParameters],
        responses=summary_answer(DIMENSIONS, SUMMARY_MEASURES),
    )
    def get(self, request: Request) -> Response:
        """Counts, percentiles of durations (within 1 %) and distinct users of events, one array a group."""
        return self.answer(request, _event_summary)

    def shortest_step(self, dimensions: set[str], measures: Sequence[str]) -> Step:
        if USERS in measures:
            return "1d"
        return "1m" if dimensions <= set(MINUTE_DIMENSIONS) else "1h"


def _event_summary(question: Question) -> list[Group]:
    try:
        return summary(question)
    except CannotSummarise as error:
        raise BadRequest(str(error), code="not_kept") from None
