from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from events.models import Event
from events.persons import of_person
from events.queries import SUMMARY_MEASURES, with_id
from events.rollups import DIMENSIONS, MEASURES
from projects.api.authentication import project_id_of
from projects.api.filters import AddressFilter, NumberFilter, ProjectFilterSet, TimeFilter, TraceIdFilter
from projects.api.summaries import FilterParameter, NamesParameter, SummaryParameters


class EventFilterSet(ProjectFilterSet):
    """Filters named as the request fields, `start <= timestamp < end`, `tags.<key>` and `properties.<key>`."""

    json_columns = {"tags": "tags", "properties": "event_data"}

    start = TimeFilter(field_name="event_timestamp", lookup_expr="gte")
    end = TimeFilter(field_name="event_timestamp", lookup_expr="lt")
    timestamp = TimeFilter(field_name="event_timestamp")
    id = django_filters.CharFilter(method="with_id")
    event_name = django_filters.CharFilter()
    event_type = django_filters.CharFilter()
    event_category = django_filters.CharFilter()
    severity = django_filters.CharFilter()
    user_id = django_filters.CharFilter()
    anonymous_id = django_filters.CharFilter()
    person = django_filters.CharFilter(
        method="of_person", label="All events under any id of the person that this id was linked to."
    )
    tenant_id = django_filters.CharFilter()
    license_id = django_filters.CharFilter(field_name="tenant_id")
    session_id = django_filters.CharFilter()
    source = django_filters.CharFilter()
    source_ip = AddressFilter()
    user_agent = django_filters.CharFilter()
    duration_ms = NumberFilter()
    trace_id = TraceIdFilter()
    span_id = TraceIdFilter()

    def with_id(self, queryset: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        return with_id(queryset, value)

    def of_person(self, queryset: QuerySet[Event], name: str, value: str) -> QuerySet[Event]:
        return of_person(queryset, project_id_of(self.request), value)

    class Meta:
        model = Event
        fields: list[str] = []


class EventSummaryParameters(SummaryParameters):
    """Users are counted by whole days, category and tenant by whole hours; `auto` keeps to that."""

    event_name = FilterParameter()
    event_type = FilterParameter()
    event_category = FilterParameter()
    tenant_id = FilterParameter()
    group_by = NamesParameter(DIMENSIONS, default=("event_name",))
    measures = NamesParameter(SUMMARY_MEASURES, default=MEASURES)
