"""What the views share: strict bodies, one object by id, the actor behind a key."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from projects.api.parsers import StrictJsonParser
from projects.api.views import ProjectReadViewSet
from projects.keys import KeyIdentity
from projects.models import ApiKey


class FiniteFloatField(serializers.FloatField):
    """A number as stored; infinity and NaN, which JSON can't write, come out as null."""

    def to_representation(self, value: float) -> float | None:  # type: ignore[override]  # the stubs say text
        return value if value - value == 0 else None


class AlertingViewSet(ProjectReadViewSet):
    """Lists, and gives one object by id; what isn't in the key's project isn't there."""

    parser_classes = [StrictJsonParser]

    def get_object(self) -> Any:
        try:
            found = self.get_queryset().filter(pk=self.kwargs["pk"]).first()
        except (ValueError, DjangoValidationError, OverflowError):
            found = None
        if found is None:
            raise NotFound
        return found

    def retrieve(self, request: Request, pk: str) -> Response:
        return Response(self.get_serializer(self.get_object()).data)


def actor_of(request: Request) -> str:
    """Who acts, for timelines: "api key <name>"."""
    identity: KeyIdentity = request.auth  # type: ignore[assignment]  # DRF types it as a Token
    name = ApiKey.objects.filter(pk=identity.key_id).values_list("name", flat=True).first()
    return f"api key {name}"
