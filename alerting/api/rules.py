from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from alerting.api.base import AlertingViewSet, FiniteFloatField, actor_of
from alerting.models import NotificationChannel, Rule, Severity, Source
from alerting.rules import RuleError, RuleGone, delete_rules, save_rule
from projects.api.authentication import project_id_of
from projects.api.filters import ProjectFilterSet, TimeFilter
from projects.api.serializers import StrictSerializer


class ChannelNamesField(serializers.ListField):
    """Channels by their names, as `notification_channels` writes them."""

    child = serializers.CharField(max_length=100)

    def to_representation(self, data: Any) -> list[str]:
        return [channel.name for channel in data.all()]


class RuleSerializer(StrictSerializer, serializers.ModelSerializer[Rule]):
    """A rule, under the names of its JSON form; the condition's keys depend on the rule type."""

    notification_channels = ChannelNamesField(source="channels", required=False, default=list)
    recovery_threshold = FiniteFloatField(required=False, allow_null=True)

    class Meta:
        model = Rule
        fields = [
            "id",
            "name",
            "description",
            "runbook_url",
            "rule_type",
            "source_type",
            "condition_config",
            "severity",
            "notification_channels",
            "notification_config",
            "evaluation_interval_seconds",
            "for_seconds",
            "keep_firing_for_seconds",
            "recovery_threshold",
            "no_data",
            "on_error",
            "evaluation_delay_seconds",
            "flap_detection",
            "enabled",
            "health",
            "last_error",
            "last_evaluated_at",
            "last_evaluation_duration_ms",
            "missed_evaluation_count",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields[-7:]
        extra_kwargs = {
            "condition_config": {
                "required": True,
                "help_text": "Its keys depend on the rule type. Of rules about events `event_name`, `event_type`, "
                "`event_category`, `filters` and `any_of` together are a matcher, and so are `numerator`, "
                "`denominator`, `bad` and `total`.",
            }
        }

    def validate_notification_channels(self, names: Sequence[str]) -> list[NotificationChannel]:
        """The project's channels of these names."""
        project_id = project_id_of(self.context["request"])
        channels = {
            channel.name: channel
            for channel in NotificationChannel.objects.filter(project_id=project_id, name__in=names)
        }
        if missing := [name for name in names if name not in channels]:
            raise serializers.ValidationError(f"This project has no channel {missing[0]!r}.")
        return list(channels.values())

    def save(self, **kwargs: Any) -> Rule:
        """Create or change the rule. Raises ValidationError by field, also for keys inside the condition."""
        values = dict(self.validated_data)
        rule = self.instance or Rule(project_id=project_id_of(self.context["request"]))
        channels = values.pop("channels", None)
        for name, value in values.items():
            setattr(rule, name, value)
        actor = actor_of(self.context["request"])
        try:
            self.instance = save_rule(rule, channels, actor=actor, now=timezone.now(), edited=values.keys())
        except RuleGone:
            raise NotFound from None
        except RuleError as error:
            raise serializers.ValidationError(error.errors) from None
        return self.instance


class RuleFilterSet(ProjectFilterSet):
    """Filters named as the fields; `start <= created_at < end`."""

    start = TimeFilter(field_name="created_at", lookup_expr="gte")
    end = TimeFilter(field_name="created_at", lookup_expr="lt")
    name = django_filters.CharFilter()
    rule_type = django_filters.CharFilter()
    source_type = django_filters.ChoiceFilter(choices=Source.choices)
    severity = django_filters.ChoiceFilter(choices=Severity.choices)
    enabled = django_filters.BooleanFilter()

    class Meta:
        model = Rule
        fields: list[str] = []


class RuleViewSet(AlertingViewSet):
    """Rules of the key's project, newest first. Reading takes the scope `read`, changing `manage`."""

    model = Rule
    keyset = ("created_at", "id")
    serializer_class = RuleSerializer
    filterset_class = RuleFilterSet

    def get_queryset(self) -> QuerySet[Rule]:
        return super().get_queryset().filter(deleted_at=None).prefetch_related("channels")

    def create(self, request: Request) -> Response:
        return self._save(request, None, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self._save(request, self.get_object(), status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        delete_rules([self.get_object()], actor=actor_of(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _save(self, request: Request, rule: Rule | None, status_code: int) -> Response:
        serializer = self.get_serializer(rule, data=request.data, partial=rule is not None)
        serializer.is_valid(raise_exception=True)
        saved = serializer.save()
        return Response(self.get_serializer(saved).data, status=status_code)
