from __future__ import annotations

import math
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from metrics.models import BusinessMetric, MetricExemplar, MetricPoint, MetricSeries, Temporality


def json_value(value: float) -> float | str:
    """A float; `"NaN"`, `"+Inf"` and `"-Inf"` as Prometheus writes them, since JSON has none of them."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"


class ValueField(serializers.FloatField):
    """A float as `json_value` writes it."""

    def to_representation(self, value: float) -> Any:
        return json_value(value)


class MetricPointSerializer(serializers.ModelSerializer[MetricPoint]):
    """A point under the names it was sent with. `series_id` is a text: it has more digits than JavaScript keeps."""

    series_id = serializers.CharField()
    metric_name = serializers.CharField(source="series.name")
    metric_value = ValueField(source="value")
    metric_type = serializers.CharField(source="series.metric_type")
    metric_unit = serializers.CharField(source="series.unit")
    service_name = serializers.CharField(source="series.service_name", allow_null=True)
    host_name = serializers.CharField(source="series.host_name", allow_null=True)
    instance_id = serializers.CharField(source="series.instance_id", allow_null=True)
    tags = serializers.JSONField(source="series.labels")
    sum = ValueField()
    min = ValueField()
    max = ValueField()
    temporality = serializers.SerializerMethodField()

    @extend_schema_field({"type": "string", "enum": ["delta", "cumulative"], "nullable": True})
    def get_temporality(self, point: MetricPoint) -> str | None:
        return Temporality(point.temporality).name.lower() if point.temporality else None

    class Meta:
        model = MetricPoint
        fields = [
            "series_id",
            "metric_name",
            "metric_value",
            "metric_type",
            "metric_unit",
            "service_name",
            "host_name",
            "instance_id",
            "timestamp",
            "received_at",
            "tags",
            "percentile_50",
            "percentile_90",
            "percentile_95",
            "percentile_99",
            "count",
            "sum",
            "min",
            "max",
            "stale",
            "temporality",
            "start_time",
            "histogram",
        ]


class MetricExemplarSerializer(serializers.ModelSerializer[MetricExemplar]):
    """A measurement with the series and the trace that it leads from and to; ids are empty where there are none."""

    series_id = serializers.CharField()
    metric_name = serializers.CharField(source="series.name")
    metric_type = serializers.CharField(source="series.metric_type")
    tags = serializers.JSONField(source="series.labels")
    value = ValueField()

    class Meta:
        model = MetricExemplar
        fields = [
            "series_id",
            "metric_name",
            "metric_type",
            "tags",
            "timestamp",
            "value",
            "trace_id",
            "span_id",
            "attributes",
        ]


class MetricSeriesSerializer(serializers.ModelSerializer[MetricSeries]):
    """A series under the names its points are sent with."""

    series_id = serializers.CharField(source="id")
    metric_name = serializers.CharField(source="name")
    metric_unit = serializers.CharField(source="unit")
    tags = serializers.JSONField(source="labels")
    description = serializers.CharField()

    class Meta:
        model = MetricSeries
        fields = [
            "series_id",
            "metric_name",
            "metric_type",
            "metric_unit",
            "service_name",
            "host_name",
            "instance_id",
            "tags",
            "description",
            "created_at",
        ]


class BusinessMetricSerializer(serializers.ModelSerializer[BusinessMetric]):
    """A business metric under the names it was sent with."""

    class Meta:
        model = BusinessMetric
        fields = [
            "id",
            "metric_name",
            "metric_category",
            "metric_value",
            "metric_unit",
            "currency",
            "period_start",
            "period_end",
            "period_type",
            "calculation_method",
            "tenant_id",
            "dimensions",
            "revision",
            "received_at",
        ]


CHART_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["interval_seconds", "aggregation", "unit", "series", "truncated"],
    "properties": {
        "interval_seconds": {"type": "integer"},
        "aggregation": {"type": "string"},
        "unit": {"type": "string", "description": "Empty where the series have different ones."},
        "series": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["labels", "points"],
                "properties": {
                    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                    "points": {
                        "type": "array",
                        "description": "[start of the bucket, value], oldest first; buckets without data are left out.",
                        "items": {
                            "type": "array",
                            "items": {"oneOf": [{"type": "string"}, {"type": "number"}]},
                            "minItems": 2,
                            "maxItems": 2,
                        },
                    },
                },
            },
        },
        "truncated": {"type": "boolean", "description": "There are more lines than are answered."},
    },
}
"""OpenAPI of a chart."""
