"""What serializers share: nobody's misspelled key or parameter is ignored."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from projects.api.errors import BadRequest


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses keys that it doesn't have, by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict) and (unknown := sorted(set(data) - set(self.fields))):
            raise serializers.ValidationError({name[:100]: ["Unknown key."] for name in unknown})
        return super().to_internal_value(data)


class StrictParameters(serializers.Serializer[Any]):
    """Query parameters: one that it doesn't have is 400 `unknown_parameter`, by name."""

    def to_internal_value(self, data: Any) -> Any:
        for name in data:
            if name not in self.fields:
                raise BadRequest(f"Unknown query parameter {name[:100]!r}.", code="unknown_parameter")
        return super().to_internal_value(data)
