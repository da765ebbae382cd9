from __future__ import annotations

from rest_framework import serializers

from events.models import Event


class EventSerializer(serializers.ModelSerializer[Event]):
    """An event under the names it was sent with."""

    id = serializers.SerializerMethodField()
    timestamp = serializers.DateTimeField(source="event_timestamp")
    properties = serializers.JSONField(source="event_data")

    class Meta:
        model = Event
        fields = [
            "id",
            "event_name",
            "event_type",
            "event_category",
            "timestamp",
            "received_at",
            "severity",
            "user_id",
            "anonymous_id",
            "tenant_id",
            "session_id",
            "source",
            "source_ip",
            "user_agent",
            "duration_ms",
            "trace_id",
            "span_id",
            "tags",
            "properties",
        ]

    def get_id(self, event: Event) -> str:
        """The id as the client wrote it."""
        return event.client_id or str(event.id)
