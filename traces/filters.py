from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet

from projects.api.filters import NumberFilter, ProjectFilterSet, TimeFilter, TraceIdFilter
from projects.api.summaries import FilterParameter, IntervalParameter, NamesParameter, SummaryParameters
from projects.api.windows import WHOLE
from storage.ids import normal_trace_id
from traces.models import Span
from traces.queries import SUMMARY_MEASURES, of_trace
from traces.rollups import DIMENSIONS


class StatusCodeFilter(django_filters.Filter):
    field_class = forms.IntegerField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, min_value=100, max_value=599, **kwargs)


class SpanFilterSet(ProjectFilterSet):
    """Filters named as the request fields, `start <= start_time < end`, durations from/to, and `tags.<key>`."""

    json_columns = {"tags": "tags"}

    start = TimeFilter(field_name="start_time", lookup_expr="gte")
    end = TimeFilter(field_name="start_time", lookup_expr="lt")
    start_time = TimeFilter()
    duration_ms = NumberFilter()
    http_url = django_filters.CharFilter()
    trace_id = django_filters.CharFilter(method="of_trace")
    span_id = TraceIdFilter()
    parent_span_id = TraceIdFilter()
    service_name = django_filters.CharFilter()
    operation_name = django_filters.CharFilter()
    kind = django_filters.CharFilter()
    status = django_filters.CharFilter()
    http_method = django_filters.CharFilter()
    http_status_code = StatusCodeFilter()
    user_id = django_filters.CharFilter()
    min_duration_ms = NumberFilter(field_name="duration_ms", lookup_expr="gte")
    max_duration_ms = NumberFilter(field_name="duration_ms", lookup_expr="lte")

    def of_trace(self, queryset: QuerySet[Span], name: str, value: str) -> QuerySet[Span]:
        return of_trace(queryset, normal_trace_id(value))

    class Meta:
        model = Span
        fields: list[str] = []


class SpanSummaryParameters(SummaryParameters):
    """`interval=none` adds the whole range up."""

    interval = IntervalParameter(WHOLE)
    service_name = FilterParameter()
    operation_name = FilterParameter()
    kind = FilterParameter()
    group_by = NamesParameter(DIMENSIONS, default=("service_name", "operation_name"))
    measures = NamesParameter(SUMMARY_MEASURES, default=SUMMARY_MEASURES)
