from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from alerting.api.alerts import AlertSerializer
from alerting.api.base import AlertingViewSet, actor_of
from alerting.api.fields import MatchersField
from alerting.models import Silence
from alerting.policy import silences
from projects.api.authentication import project_id_of
from projects.api.filters import ProjectFilterSet
from projects.api.serializers import StrictSerializer
from projects.models import Project

STATES = (("pending", "Pending"), ("active", "Active"), ("expired", "Expired"))


class SilenceSerializer(StrictSerializer, serializers.ModelSerializer[Silence]):
    """A silence; `state` is computed from the time. `ends_at` or `duration_minutes` says how long."""

    matchers = MatchersField(allow_empty=False)
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)
    duration_minutes = serializers.IntegerField(write_only=True, required=False, min_value=1)
    comment = serializers.CharField(max_length=2000)
    state = serializers.SerializerMethodField()

    class Meta:
        model = Silence
        fields = [
            "id",
            "matchers",
            "starts_at",
            "ends_at",
            "duration_minutes",
            "author",
            "comment",
            "state",
            "replaces",
            "created_at",
        ]
        read_only_fields = ["author", "replaces", "created_at"]

    def get_state(self, silence: Silence) -> str:
        return silences.state_of(silence, timezone.now())

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        minutes = attrs.pop("duration_minutes", None)
        if minutes and "ends_at" in attrs:
            raise serializers.ValidationError({"ends_at": "Give this or duration_minutes, not both."})
        if minutes:
            start = attrs.get("starts_at") or (self.instance.starts_at if self.instance else timezone.now())
            try:
                attrs["ends_at"] = start + timedelta(minutes=minutes)
            except OverflowError:
                raise serializers.ValidationError({"duration_minutes": "Too long."}) from None
        if self.instance is None and "ends_at" not in attrs:
            raise serializers.ValidationError({"ends_at": "Say until when, or for how many minutes."})
        return attrs

    def save(self, **kwargs: Any) -> Silence:
        """Make or change a silence; see `alerting.policy.silences`. Raises ValidationError by field."""
        now, given = timezone.now(), self.validated_data
        old = self.instance
        values: dict[str, Any] = {
            "matchers": given.get("matchers", old.matchers if old else []),
            "starts_at": given.get("starts_at", old.starts_at if old else now),
            "ends_at": given.get("ends_at", old.ends_at if old else None),
            "comment": given.get("comment", old.comment if old else ""),
            "author": actor_of(self.context["request"]),
            "now": now,
        }
        try:
            if old:
                self.instance = silences.edit(old, **values)
            else:
                project_id = project_id_of(self.context["request"])
                self.instance = silences.create(project_id=project_id, **values)
        except silences.SilenceError as error:
            raise serializers.ValidationError(error.errors) from None
        return self.instance


class SilencePreviewRequest(StrictSerializer):
    matchers = MatchersField(allow_empty=False)


class SilencePreviewSerializer(serializers.Serializer[Any]):
    """What matchers hide of the open alerts, and would have hidden of those that fired in the last 7 days."""

    open_count = serializers.IntegerField()
    open_alerts = AlertSerializer(many=True)
    recent_count = serializers.IntegerField()
    recent_alerts = AlertSerializer(many=True)
    is_cut = serializers.BooleanField()


class SilenceFilterSet(ProjectFilterSet):
    state = django_filters.ChoiceFilter(choices=STATES, method="filter_state")

    class Meta:
        model = Silence
        fields: list[str] = []

    def filter_state(self, queryset: QuerySet[Silence], name: str, value: str) -> QuerySet[Silence]:
        return queryset.filter(silences.in_state(value, timezone.now()))


class SilenceViewSet(AlertingViewSet):
    """Silences of the key's project, newest first. They are expired, never deleted."""

    model = Silence
    keyset = ("created_at", "id")
    serializer_class = SilenceSerializer
    filterset_class = SilenceFilterSet

    def create(self, request: Request) -> Response:
        return self._save(request, None, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Other matchers make another silence, with an id of its own, and expire this one."""
        return self._save(request, self.get_object(), status.HTTP_200_OK)

    @extend_schema(request=None, responses=SilenceSerializer)
    def expire(self, request: Request, pk: str) -> Response:
        """End it now. Once more changes nothing."""
        silence = self.get_object()
        silences.expire(silence, timezone.now())
        return Response(self.get_serializer(silence).data)

    @extend_schema(request=SilencePreviewRequest, responses=SilencePreviewSerializer)
    def preview(self, request: Request) -> Response:
        """What a silence with these matchers would hide."""
        body = SilencePreviewRequest(data=request.data)
        body.is_valid(raise_exception=True)
        try:
            matchers = silences.check_matchers(body.validated_data["matchers"])
        except silences.SilenceError as error:
            raise serializers.ValidationError(error.errors) from None
        project = Project.objects.get(pk=project_id_of(request))
        found = silences.preview(matchers, project, timezone.now())
        return Response(SilencePreviewSerializer(found).data)

    def _save(self, request: Request, silence: Silence | None, status_code: int) -> Response:
        serializer = self.get_serializer(silence, data=request.data, partial=silence is not None)
        serializer.is_valid(raise_exception=True)
        return Response(self.get_serializer(serializer.save()).data, status=status_code)
