from __future__ import annotations

from typing import Any

import django_filters
from django.db import IntegrityError, transaction
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from alerting import secrets
from alerting.api.base import AlertingViewSet
from alerting.channels import ConfigError, kind, places
from alerting.models import NotificationChannel, Severity
from alerting.policy.muting import look_again
from alerting.policy.quiet_hours import quiet_errors
from projects.api.authentication import project_id_of
from projects.api.filters import ProjectFilterSet, TimeFilter
from projects.api.serializers import StrictSerializer


@extend_schema_field({"type": "object", "additionalProperties": True})
class ConfigField(serializers.DictField):
    """Goes in whole; comes out without secrets, which only say that they are set."""

    def get_attribute(self, instance: Any) -> Any:
        return instance

    def to_representation(self, value: Any) -> dict[str, Any]:
        try:
            return kind(value.kind).public_config(value.config)
        except (ConfigError, secrets.UnreadableConfigError):
            return {}


class NotificationChannelSerializer(StrictSerializer, serializers.ModelSerializer[NotificationChannel]):
    """A channel. On a change, keys of `config` that are left out keep their values; null takes one away.

    Who changes the address that messages go to gives the secrets meant for it again.
    """

    config = ConfigField()
    quiet_severities = serializers.ListField(
        child=serializers.ChoiceField(choices=Severity.choices), required=False
    )

    class Meta:
        model = NotificationChannel
        fields = [
            "id",
            "name",
            "kind",
            "config",
            "enabled",
            "quiet_from",
            "quiet_until",
            "quiet_timezone",
            "quiet_severities",
            "max_messages_per_minute",
            "broken_at",
            "broken_reason",
            "paused_until",
            "last_sent_at",
            "last_error",
            "last_error_at",
            "last_latency_ms",
            "created_at",
        ]
        read_only_fields = fields[10:]

    def validate_kind(self, name: str) -> str:
        if self.instance and name != self.instance.kind:
            raise serializers.ValidationError("The kind of a channel can't change: make another one.")
        try:
            return kind(name).name
        except ConfigError as error:
            raise serializers.ValidationError(error.errors["kind"]) from None

    def save(self, **kwargs: Any) -> NotificationChannel:
        """Create or change the channel; a new configuration gives a broken one another chance.

        A change is merged into the row as it is under its lock. Raises ValidationError by field.
        """
        try:
            with transaction.atomic():
                self.instance = self._saved(self._locked())
        except IntegrityError:
            raise serializers.ValidationError({"name": "This project has a channel of this name."}) from None
        return self.instance

    def _locked(self) -> NotificationChannel:
        if self.instance is None:
            return NotificationChannel(project_id=project_id_of(self.context["request"]))
        channel = NotificationChannel.objects.select_for_update().filter(pk=self.instance.pk).first()
        if channel is None:
            raise NotFound
        return channel

    def _saved(self, channel: NotificationChannel) -> NotificationChannel:
        values = dict(self.validated_data)
        written = {"config_encrypted" if name == "config" else name for name in values}
        given = values.pop("config", None)
        for name, value in values.items():
            setattr(channel, name, value)
        if given is not None:
            places.configure(channel, kind(channel.kind), _merged(channel, given))
            written |= {"broken_at", "broken_reason", "paused_until"}
        if errors := quiet_errors(channel.quiet_from, channel.quiet_until, channel.quiet_timezone):
            raise serializers.ValidationError(errors)
        channel.save(update_fields=written if channel.pk else None)
        look_again(channel.project_id, timezone.now())
        return channel


def _merged(channel: NotificationChannel, given: dict[str, Any]) -> dict[str, Any]:
    stored = channel.readable_config if channel.pk else {}
    merged = {name: value for name, value in {**stored, **given}.items() if value is not None}
    try:
        config = kind(channel.kind).parse_config(merged)
        places.check_secrets(kind(channel.kind), stored, config, given)
        return config
    except ConfigError as error:
        raise serializers.ValidationError({"config": error.errors}) from None


class NotificationChannelFilterSet(ProjectFilterSet):
    """Filters named as the fields; `start <= created_at < end`."""

    start = TimeFilter(field_name="created_at", lookup_expr="gte")
    end = TimeFilter(field_name="created_at", lookup_expr="lt")
    name = django_filters.CharFilter()
    kind = django_filters.CharFilter()
    enabled = django_filters.BooleanFilter()

    class Meta:
        model = NotificationChannel
        fields: list[str] = []


class NotificationChannelViewSet(AlertingViewSet):
    """Channels of the key's project, newest first, never with their secrets. Making one sends nothing."""

    model = NotificationChannel
    keyset = ("created_at", "id")
    serializer_class = NotificationChannelSerializer
    filterset_class = NotificationChannelFilterSet

    def create(self, request: Request) -> Response:
        return self._save(request, None, status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: str) -> Response:
        return self._save(request, self.get_object(), status.HTTP_200_OK)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        self.get_object().delete()
        return Response(status=status.HTTP_204_NO_CONTENT)

    def _save(self, request: Request, channel: NotificationChannel | None, status_code: int) -> Response:
        serializer = self.get_serializer(channel, data=request.data, partial=channel is not None)
        serializer.is_valid(raise_exception=True)
        return Response(self.get_serializer(serializer.save()).data, status=status_code)
