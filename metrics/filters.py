from __future__ import annotations

import django_filters
from django import forms

from metrics.models import BusinessMetric, MetricExemplar, MetricPoint, MetricSeries
from metrics.series import MAX_SERIES_ID
from projects.api.filters import NumberFilter, ProjectFilterSet, TimeFilter, TraceIdFilter


class SeriesIdFilter(django_filters.Filter):
    """All 63 bits of it; as a float it would lose some."""

    field_class = forms.IntegerField

    def __init__(self) -> None:
        super().__init__(min_value=0, max_value=MAX_SERIES_ID)


class MetricPointFilterSet(ProjectFilterSet):
    """Filters named as the request fields, `start <= timestamp < end`, and `tags.<key>`."""

    json_columns = {"tags": "series__labels"}

    start = TimeFilter(field_name="timestamp", lookup_expr="gte")
    end = TimeFilter(field_name="timestamp", lookup_expr="lt")
    timestamp = TimeFilter()
    metric_value = NumberFilter(field_name="value")
    percentile_50 = NumberFilter()
    percentile_90 = NumberFilter()
    percentile_95 = NumberFilter()
    percentile_99 = NumberFilter()
    metric_name = django_filters.CharFilter(field_name="series__name")
    metric_type = django_filters.CharFilter(field_name="series__metric_type")
    metric_unit = django_filters.CharFilter(field_name="series__unit")
    service_name = django_filters.CharFilter(field_name="series__service_name")
    host_name = django_filters.CharFilter(field_name="series__host_name")
    instance_id = django_filters.CharFilter(field_name="series__instance_id")

    class Meta:
        model = MetricPoint
        fields: list[str] = []


class MetricExemplarFilterSet(ProjectFilterSet):
    """Of a series, a metric or a trace, `start <= timestamp < end`."""

    start = TimeFilter(field_name="timestamp", lookup_expr="gte")
    end = TimeFilter(field_name="timestamp", lookup_expr="lt")
    series_id = SeriesIdFilter()
    metric_name = django_filters.CharFilter(field_name="series__name")
    trace_id = TraceIdFilter()

    class Meta:
        model = MetricExemplar
        fields: list[str] = []


class MetricSeriesFilterSet(ProjectFilterSet):
    """As of points; `start` and `end` bound the time a series was first seen."""

    json_columns = {"tags": "labels"}

    start = TimeFilter(field_name="created_at", lookup_expr="gte")
    end = TimeFilter(field_name="created_at", lookup_expr="lt")
    metric_name = django_filters.CharFilter(field_name="name")
    metric_type = django_filters.CharFilter()
    metric_unit = django_filters.CharFilter(field_name="unit")
    service_name = django_filters.CharFilter()
    host_name = django_filters.CharFilter()
    instance_id = django_filters.CharFilter()

    class Meta:
        model = MetricSeries
        fields: list[str] = []


class BusinessMetricFilterSet(ProjectFilterSet):
    """Filters named as the request fields, `start <= period_end < end`, and `dimensions.<key>`."""

    json_columns = {"dimensions": "dimensions"}

    start = TimeFilter(field_name="period_end", lookup_expr="gte")
    end = TimeFilter(field_name="period_end", lookup_expr="lt")
    metric_name = django_filters.CharFilter()
    metric_value = NumberFilter()
    period_start = TimeFilter()
    period_end = TimeFilter()
    metric_category = django_filters.CharFilter()
    metric_unit = django_filters.CharFilter()
    currency = django_filters.CharFilter()
    period_type = django_filters.CharFilter()
    calculation_method = django_filters.CharFilter()
    tenant_id = django_filters.CharFilter()
    license_id = django_filters.CharFilter(field_name="tenant_id")

    class Meta:
        model = BusinessMetric
        fields: list[str] = []
