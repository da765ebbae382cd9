from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from alerting.api.base import AlertingViewSet
from alerting.models import Attempt, Notification, NotificationStatus, Purpose
from projects.api.filters import ProjectFilterSet, TimeFilter


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    class Meta:
        model = Attempt
        fields = ["at", "status", "latency_ms", "error"]


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    """One message to one place; `channel` is a name, null for addresses that the rule adds.

    `reason` says why it was sent, or why not; `muted_by` names what kept it back: `{"kind", "id", "name"}`.
    """

    channel = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)
    policy = serializers.SlugRelatedField[Any](slug_field="name", read_only=True)

    class Meta:
        model = Notification
        fields = [
            "id",
            "alert",
            "channel",
            "recipient",
            "purpose",
            "status",
            "attempt_count",
            "next_attempt_at",
            "created_at",
            "sent_at",
            "latency_ms",
            "error",
            "reason",
            "muted_by",
            "policy",
        ]


class NotificationDetailSerializer(NotificationSerializer):
    attempts = AttemptSerializer(many=True)

    class Meta(NotificationSerializer.Meta):
        fields = [*NotificationSerializer.Meta.fields, "attempts"]


class NotificationFilterSet(ProjectFilterSet):
    """Filters named as the fields; `start <= created_at < end`."""

    start = TimeFilter(field_name="created_at", lookup_expr="gte")
    end = TimeFilter(field_name="created_at", lookup_expr="lt")
    alert = django_filters.UUIDFilter(field_name="alert_id")
    channel = django_filters.CharFilter(field_name="channel__name")
    recipient = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=NotificationStatus.choices)
    purpose = django_filters.ChoiceFilter(choices=Purpose.choices)

    class Meta:
        model = Notification
        fields: list[str] = []


class NotificationViewSet(AlertingViewSet):
    """Messages of the key's project, newest first."""

    model = Notification
    keyset = ("created_at", "id")
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilterSet

    def get_queryset(self) -> QuerySet[Notification]:
        return super().get_queryset().select_related("channel", "policy")

    @extend_schema(responses=NotificationDetailSerializer)
    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(NotificationDetailSerializer(self.get_object()).data)
