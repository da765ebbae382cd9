"""Fields that several settings share: matchers, and channels by their names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from alerting.models import NotificationChannel
from alerting.policy.matchers import MatcherError, parse_all
from projects.api.authentication import project_id_of

MAX_LABEL_NAMES = 50


class MatchersField(serializers.ListField):
    """Texts like `severity="warning"`; answered as they are understood."""

    child = serializers.CharField()

    def to_internal_value(self, data: Any) -> list[str]:
        texts = super().to_internal_value(data)
        try:
            return [str(matcher) for matcher in parse_all(texts)]
        except MatcherError as error:
            raise serializers.ValidationError(str(error)) from None


class LabelNamesField(serializers.ListField):
    child = serializers.CharField(max_length=200)

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_LABEL_NAMES, **kwargs)


class ChannelNamesField(serializers.ListField):
    """Channels of the key's project by their names."""

    child = serializers.CharField(max_length=100)

    def to_representation(self, data: Any) -> list[str]:
        return [channel.name for channel in data.all()]


def channels_named(
    names: Sequence[str], serializer: serializers.BaseSerializer[Any]
) -> list[NotificationChannel]:
    """The project's channels of these names. Raises ValidationError where one is missing."""
    project_id = project_id_of(serializer.context["request"])
    found = NotificationChannel.objects.filter(project_id=project_id, name__in=names)
    channels = {channel.name: channel for channel in found}
    if missing := [name for name in names if name not in channels]:
        raise serializers.ValidationError(f"This project has no channel {missing[0]!r}.")
    return list(channels.values())
