"""Base of the summary views: for each group and measure, an array of numbers over time.

A subclass of SummaryView names its parameters, which describe themselves in OpenAPI, and answers the question.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.serializers import StrictParameters
from projects.api.windows import AUTO, AUTO_BUCKETS, STEPS, Step, window_of
from storage.rollups.summaries import Group, Question
from storage.times import parse_time

MAX_GROUPS = 200


@extend_schema_field({"type": "string"})
class TimeParameter(serializers.Field[Any, Any, Any, Any]):
    """RFC 3339 (no zone = UTC) or a Unix number, as in requests."""

    def to_internal_value(self, data: str) -> Any:
        try:
            return parse_time(data) if data else None
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None


@extend_schema_field({"type": "string"})
class NamesParameter(serializers.Field[Any, Any, Any, Any]):
    """Names with commas between them, each one of the known."""

    def __init__(self, known: Sequence[str], default: tuple[str, ...]) -> None:
        self.known = known
        help_text = f"Any of {', '.join(known)}, with commas between them; `{','.join(default)}` by default."
        # A callable, because OpenAPI would describe the tuple as an array.
        super().__init__(default=lambda: default, help_text=help_text)

    def to_internal_value(self, data: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(name for name in data.split(",") if name))
        for name in names:
            if name not in self.known:
                raise serializers.ValidationError(f"{name[:100]!r} is none of {', '.join(self.known)}.")
        return names


class FilterParameter(serializers.CharField):
    """Only what has exactly this value in the dimension of the same name; empty: all."""

    def __init__(self) -> None:
        super().__init__(required=False, allow_blank=True, trim_whitespace=False)


class IntervalParameter(serializers.ChoiceField):
    """A step, `auto`, or one of the `others`."""

    def __init__(self, *others: str) -> None:
        super().__init__(
            [AUTO, *STEPS, *others],
            default=AUTO,
            help_text=f"Length of a bucket. `{AUTO}`: the shortest that makes at most {AUTO_BUCKETS} buckets.",
        )


class SummaryParameters(StrictParameters):
    """The query parameters of a summary. Subclasses add `group_by`, `measures` and a FilterParameter a dimension."""

    start = TimeParameter(
        required=False,
        help_text="RFC 3339 or a Unix number; 24 hours before the end by default. Start and end are widened to whole "
        "buckets.",
    )
    end = TimeParameter(required=False, help_text="Now by default.")
    interval = IntervalParameter()

    def validate_measures(self, measures: tuple[str, ...]) -> tuple[str, ...]:
        if not measures:
            raise serializers.ValidationError("Name at least one.")
        return measures

    def filters(self) -> dict[str, str]:
        """Dimension -> the value asked for."""
        names = (name for name, field in self.fields.items() if isinstance(field, FilterParameter))
        return {name: value for name in names if (value := self.validated_data.get(name))}


class SummaryView(APIView):
    """Answers `{"interval_seconds", "buckets": [iso], "series": [{<dimension>: text, <measure>: [number]}],
    "truncated"}`: the 200 most frequent groups, and whether there are more."""

    throttle_classes = [KeyRateThrottle]

    parameters_class: ClassVar[type[SummaryParameters]]

    def answer(self, request: Request, summary: Callable[[Question], Sequence[Group]]) -> Response:
        """Read the question from the request and let `summary` find its groups."""
        question = self._question(request)
        found = summary(question)
        return Response(
            {
                "interval_seconds": question.window.interval.total_seconds(),
                "buckets": question.window.buckets,
                "series": [{**group.dimensions, **group.measures} for group in found[:MAX_GROUPS]],
                "truncated": len(found) > MAX_GROUPS,
            }
        )

    def shortest_step(self, dimensions: set[str], measures: Sequence[str]) -> Step:
        """The shortest step for which these dimensions and measures are kept added up."""
        return "1m"

    def _question(self, request: Request) -> Question:
        parameters = self.parameters_class(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        given, filters = parameters.validated_data, parameters.filters()
        shortest = self.shortest_step({*given["group_by"], *filters}, given["measures"])
        window = window_of(
            given.get("start"), given.get("end"), given["interval"], timezone.now(), shortest=shortest
        )
        return Question(
            project_id=project_id_of(request),
            window=window,
            group_by=given["group_by"],
            filters=filters,
            measures=given["measures"],
            # One more than is answered tells whether there are more.
            limit=MAX_GROUPS + 1,
        )


def summary_answer(dimensions: Sequence[str], measures: Sequence[str]) -> dict[int, OpenApiResponse]:
    """The answer in OpenAPI."""
    numbers = {"type": "array", "items": {"type": "number", "nullable": True}}
    texts = {"type": "string", "nullable": True}
    series = {**dict.fromkeys(dimensions, texts), **dict.fromkeys(measures, numbers)}
    properties = {
        "interval_seconds": {"type": "number"},
        "buckets": {"type": "array", "items": {"type": "string", "format": "date-time"}},
        "series": {"type": "array", "items": {"type": "object", "properties": series}},
        "truncated": {"type": "boolean", "description": f"Only the {MAX_GROUPS} most frequent are given."},
    }
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {200: OpenApiResponse(schema, description="One array a group and measure, a number a bucket.")}
