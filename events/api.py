from __future__ import annotations

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from events.filters import EventFilterSet
from events.models import Event
from events.queries import newest_by_id
from events.serializers import EventSerializer
from projects.api.views import ProjectReadViewSet


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
