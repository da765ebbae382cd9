"""Notification policies, inhibition rules and maintenance windows: settings of a project under one kind of view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from alerting.api.base import AlertingViewSet
from alerting.api.fields import ChannelNamesField, LabelNamesField, MatchersField, channels_named
from alerting.models import InhibitionRule, MaintenanceWindow, NotificationChannel, NotificationPolicy
from alerting.policy.maintenance import coming, window_errors
from alerting.policy.muting import look_again
from projects.api.authentication import project_id_of
from projects.api.filters import ProjectFilterSet
from projects.api.serializers import StrictSerializer

MAX_SECONDS = 31 * 86_400


class SettingSerializer(StrictSerializer, serializers.ModelSerializer[Any]):
    """A setting of the key's project. Saving one looks again at what is muted."""

    def save(self, **kwargs: Any) -> Any:
        """Raises ValidationError by field."""
        try:
            with transaction.atomic():
                self.instance = self._saved()
                look_again(self.instance.project_id, timezone.now())
        except IntegrityError:
            raise serializers.ValidationError({"name": "This project has one of this name."}) from None
        return self.instance

    def _saved(self) -> Any:
        values = dict(self.validated_data)
        channels = values.pop("channels", None)
        make: Any = self.Meta.model
        setting = self.instance or make(project_id=project_id_of(self.context["request"]))
        for name, value in values.items():
            setattr(setting, name, value)
        self.check_setting(setting)
        setting.save()
        if channels is not None:
            setting.channels.set(channels)
        return setting

    def check_setting(self, setting: Any) -> None:
        """What depends on several fields. Raises ValidationError."""

    def validate_channels(self, names: Sequence[str]) -> list[NotificationChannel]:
        return channels_named(names, self)


class PolicySerializer(SettingSerializer):
    """How alerts that match are told; the first policy by `position` counts. Channels are added to the rule's own."""

    matchers = MatchersField(required=False)
    group_by = LabelNamesField(required=False)
    group_wait_seconds = serializers.IntegerField(required=False, min_value=0, max_value=MAX_SECONDS)
    group_interval_seconds = serializers.IntegerField(required=False, min_value=0, max_value=MAX_SECONDS)
    repeat_interval_seconds = serializers.IntegerField(required=False, min_value=0, max_value=MAX_SECONDS)
    channels = ChannelNamesField(required=False)

    class Meta:
        model = NotificationPolicy
        fields = [
            "id",
            "name",
            "position",
            "matchers",
            "group_by",
            "group_wait_seconds",
            "group_interval_seconds",
            "repeat_interval_seconds",
            "channels",
            "enabled",
        ]


class InhibitionRuleSerializer(SettingSerializer):
    """Alerts that match the target stay quiet while one that matches the source fires with equal labels."""

    source_matchers = MatchersField(allow_empty=False)
    target_matchers = MatchersField(allow_empty=False)
    equal_labels = LabelNamesField(required=False)

    class Meta:
        model = InhibitionRule
        fields = ["id", "name", "source_matchers", "target_matchers", "equal_labels", "enabled"]


class OccurrenceSerializer(serializers.Serializer[Any]):
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()


class MaintenanceWindowSerializer(SettingSerializer):
    """Alerts that match stay quiet in each span; `next_occurrences` has the running one and those to come."""

    matchers = MatchersField(required=False)
    channels = ChannelNamesField(required=False)
    next_occurrences = serializers.SerializerMethodField()

    class Meta:
        model = MaintenanceWindow
        fields = [
            "id",
            "name",
            "matchers",
            "starts_at",
            "duration_minutes",
            "recurrence",
            "time_zone",
            "comment",
            "channels",
            "enabled",
            "next_occurrences",
        ]

    @extend_schema(responses=OccurrenceSerializer(many=True))
    def get_next_occurrences(self, window: MaintenanceWindow) -> list[dict[str, Any]]:
        return [
            {"start": one.start.isoformat(), "end": one.end.isoformat()}
            for one in coming(window, timezone.now())
        ]

    def check_setting(self, setting: MaintenanceWindow) -> None:
        if errors := window_errors(setting):
            raise serializers.ValidationError(errors)


class SettingFilterSet(ProjectFilterSet):
    name = django_filters.CharFilter()
    enabled = django_filters.BooleanFilter()


class SettingViewSet(AlertingViewSet):
    """Reading takes the scope `read`, changing `manage`. Subclasses name model and serializer."""

    keyset = ("id",)

    def create(self, request: Request) -> Response:
        return self._save(request, None, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self._save(request, self.get_object(), status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        setting = self.get_object()
        with transaction.atomic():
            setting.delete()
            look_again(setting.project_id, timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _save(self, request: Request, setting: Any, status_code: int) -> Response:
        serializer = self.get_serializer(setting, data=request.data, partial=setting is not None)
        serializer.is_valid(raise_exception=True)
        return Response(self.get_serializer(serializer.save()).data, status=status_code)


class PolicyFilterSet(SettingFilterSet):
    class Meta:
        model = NotificationPolicy
        fields: list[str] = []


class NotificationPolicyViewSet(SettingViewSet):
    """Who hears of which alerts besides a rule's own channels, together with what, and how often again."""

    model = NotificationPolicy
    serializer_class = PolicySerializer
    filterset_class = PolicyFilterSet

    def get_queryset(self) -> QuerySet[NotificationPolicy]:
        return super().get_queryset().prefetch_related("channels")


class InhibitionRuleFilterSet(SettingFilterSet):
    class Meta:
        model = InhibitionRule
        fields: list[str] = []


class InhibitionRuleViewSet(SettingViewSet):
    """Which alerts stay quiet while another fires."""

    model = InhibitionRule
    serializer_class = InhibitionRuleSerializer
    filterset_class = InhibitionRuleFilterSet


class MaintenanceWindowFilterSet(SettingFilterSet):
    class Meta:
        model = MaintenanceWindow
        fields: list[str] = []


class MaintenanceWindowViewSet(SettingViewSet):
    """When which alerts stay quiet, again and again."""

    model = MaintenanceWindow
    serializer_class = MaintenanceWindowSerializer
    filterset_class = MaintenanceWindowFilterSet

    def get_queryset(self) -> QuerySet[MaintenanceWindow]:
        return super().get_queryset().prefetch_related("channels")
