"""What the API says of experiments, and what it takes."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from analytics.experiments.definitions import MAX_METRICS
from analytics.experiments.words import STATISTICS
from analytics.matchers.schemas import MATCHER
from analytics.models.experiments import Better, Experiment, ExperimentMetric, MetricKind
from projects.api.serializers import StrictSerializer
from projects.api.summaries import TimeParameter


@extend_schema_field({"type": "object", "properties": MATCHER, "additionalProperties": False})
class MatcherJson(serializers.JSONField):
    """As the funnel's steps are; `definitions` reads it and names what is wrong."""


class ExperimentMetricSerializer(StrictSerializer, serializers.ModelSerializer[ExperimentMetric]):
    """What people do after they were exposed."""

    matcher = MatcherJson(help_text="Which events count.")

    class Meta:
        model = ExperimentMetric
        fields = ["key", "name", "kind", "matcher", "column", "window_minutes", "better"]


class ExperimentSerializer(StrictSerializer, serializers.ModelSerializer[Experiment]):
    """An experiment as it is defined. Without `exposure`: events `experiment_viewed` with its slug in properties."""

    exposure = MatcherJson(required=False, help_text="Which events say that somebody was shown a variant.")
    shares = serializers.DictField(
        child=serializers.FloatField(),
        required=False,
        help_text=Experiment._meta.get_field("shares").help_text,
    )
    metrics = ExperimentMetricSerializer(
        many=True,
        max_length=MAX_METRICS,  # type: ignore[call-arg]  # goes to the ListSerializer that `many` makes
        help_text="The first one decides.",
    )

    class Meta:
        model = Experiment
        fields = [
            "slug",
            "name",
            "description",
            "exposure",
            "variant_column",
            "control",
            "shares",
            "starts_at",
            "ends_at",
            "planned_people",
            "minimum_days",
            "metrics",
            "created_at",
        ]
        read_only_fields = ["created_at"]


def _number(help_text: str = "") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=help_text)


class VariantResultSerializer(serializers.Serializer[Any]):
    variant = serializers.CharField()
    is_control = serializers.BooleanField()
    people = serializers.IntegerField(help_text="Exposed; of an average, those who have a number.")
    converted = serializers.IntegerField(allow_null=True, help_text="Of conversions.")
    value = _number("The share or the mean.")
    value_low = _number(STATISTICS["value_interval"])
    value_high = _number()
    difference = _number("The value minus that of the control; of shares as a ratio: 0.018 is 1.8 points.")
    difference_low = _number(STATISTICS["difference_interval"])
    difference_high = _number()
    difference_ratio = _number("The difference as a share of the control's value.")
    p_value = _number(STATISTICS["p_value"])
    best_ratio = _number(STATISTICS["best_ratio"])
    conclusion = serializers.CharField(help_text="In a sentence.")


class MetricResultSerializer(serializers.Serializer[Any]):
    key = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(MetricKind.choices)
    unit = serializers.CharField(allow_null=True, help_text="`ratio` for conversions.")
    better = serializers.ChoiceField(Better.choices)
    window_minutes = _number("Null: until the end.")
    open_people = serializers.IntegerField(
        allow_null=True, help_text="Those whose window is not over yet; null without one."
    )
    variants = VariantResultSerializer(many=True, help_text="The control first.")


class SharedOutSerializer(serializers.Serializer[Any]):
    variant = serializers.CharField()
    people = serializers.IntegerField()
    expected_people = serializers.FloatField()


class SampleRatioSerializer(serializers.Serializer[Any]):
    p_value = _number(STATISTICS["sample_ratio"])
    mismatch_below = serializers.FloatField()
    is_mismatch = serializers.BooleanField()
    variants = SharedOutSerializer(many=True)


class LeftOutSerializer(serializers.Serializer[Any]):
    several_variants = serializers.IntegerField(help_text="People who saw more than one variant.")
    other_variants = serializers.IntegerField(help_text="People in variants that are not compared.")
    names_of_others = serializers.ListField(
        child=serializers.CharField(), help_text="Some of those variants."
    )


class ExperimentWarningSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class ExposureDaySerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="UTC.")
    variant = serializers.CharField()
    people = serializers.IntegerField(help_text="Exposed for the first time.")


class ResultsSerializer(serializers.Serializer[Any]):
    """What an experiment says. In each figure a person counts once; merged ids are one person."""

    slug = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    control = serializers.CharField()
    people = serializers.IntegerField(help_text="Who is compared.")
    planned_people = serializers.IntegerField(allow_null=True)
    left_out = LeftOutSerializer()
    sample_ratio = SampleRatioSerializer()
    warnings = ExperimentWarningSerializer(many=True, help_text="The gravest first.")
    metrics = MetricResultSerializer(many=True)
    days = ExposureDaySerializer(many=True)
    statistics = serializers.DictField(
        child=serializers.CharField(), help_text="Which statistic each figure is, and what it says."
    )


class ResultsParameters(serializers.Serializer[Any]):
    """The query parameters of results."""

    start = TimeParameter(
        required=False, help_text="First exposures at this time or later; the start by default."
    )
    end = TimeParameter(
        required=False, help_text="First exposures before; the end by default, now while it runs."
    )
