from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from metrics.models import BusinessMetric, MetricPoint, MetricSeries
from metrics.pages import series_page, unit_text, value_text
from metrics.queries import newest_points
from metrics.series import COPIED_LABELS
from projects import figures
from projects.admin_base import KeysetChangeList, ProjectFilter, ReadOnlyTelemetryAdmin, example_command
from storage.ids import as_uuid


class SeriesChangeList(KeysetChangeList):
    """Adds the newest point of every series on the page, in one query."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        newest = newest_points([series.id for series in self.result_list])
        for series in self.result_list:
            series.newest = newest.get(series.id)


@admin.register(MetricSeries)
class MetricSeriesAdmin(ReadOnlyTelemetryAdmin):
    """Series with their newest value; the page of one shows its labels and its last points."""

    keyset = ("created_at", "id")
    list_display = (
        "name",
        "newest_value",
        "shown_unit",
        "newest_age",
        "service_name",
        "host_name",
        "other_labels",
        "metric_type",
    )
    list_filter = (ProjectFilter, "metric_type")
    empty_words = "One row for each name and set of labels that was sent. None has arrived in this project."
    empty_command = example_command(
        "metrics", '{"metrics": [{"metric_name": "queue_depth", "metric_value": 3, "host_name": "web-1"}]}'
    )
    search_fields = ("name", "service_name", "host_name", "instance_id")
    search_help_text = "Part of a metric name, service, host or instance"
    change_form_outer_before_template = "metrics/series_page.html"
    fields = (
        "name",
        "metric_type",
        "unit",
        "service_name",
        "host_name",
        "instance_id",
        "project",
        "created_at",
        "series_id",
    )
    readonly_fields = ("series_id",)

    class Media:
        css = {"all": ("metrics/series.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SeriesChangeList]:
        return SeriesChangeList

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        series = self.get_object(request, object_id)
        shown = series_page(series, timezone.now()) if series else {}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**shown, **(extra_context or {})}
        )
        return response

    @admin.display(description="newest")
    def newest_value(self, series: MetricSeries) -> SafeString:
        return format_html('<span class="tabular-nums">{}</span>', value_text(_newest(series)))

    @admin.display(description="unit")
    def shown_unit(self, series: MetricSeries) -> str:
        return unit_text(series.unit) or figures.NOTHING

    @admin.display(description="age")
    def newest_age(self, series: MetricSeries) -> str:
        point = _newest(series)
        return figures.age_html(point.timestamp, timezone.now()) if point else figures.NOTHING

    @admin.display(description="other labels")
    def other_labels(self, series: MetricSeries) -> str:
        others = (
            f"{name}={value}" for name, value in sorted(series.labels.items()) if name not in COPIED_LABELS
        )
        return ", ".join(others) or figures.NOTHING

    @admin.display(description="series id")
    def series_id(self, series: MetricSeries) -> str:
        return str(series.id)


def _newest(series: MetricSeries) -> MetricPoint | None:
    """Set by `SeriesChangeList`; None for a series without points."""
    return getattr(series, "newest", None)


SEARCHED = ("metric_name", "metric_category", "tenant_id", "currency")


@admin.register(BusinessMetric)
class BusinessMetricAdmin(ReadOnlyTelemetryAdmin):
    """Business metrics, newest period first."""

    keyset = ("period_end", "id")
    list_display = (
        "metric_name",
        "value",
        "shown_unit",
        "currency",
        "metric_category",
        "tenant_id",
        "period_start",
        "period_end",
        "revision",
    )
    list_filter = (ProjectFilter,)
    empty_words = "Numbers over a period, such as a day's revenue. None has arrived in this project."
    empty_command = example_command(
        "business-metrics",
        '{"metrics": [{"metric_name": "revenue", "metric_value": 990, "currency": "EUR", '
        '"period_start": "<start>", "period_end": "<end>"}]}',
    )
    search_fields = SEARCHED
    search_help_text = "Part of a name, category, tenant or currency, or an id"
    fieldsets = (
        (None, {"fields": ("metric_name", "value", "metric_unit", "currency", "metric_category")}),
        ("Period", {"fields": ("period_start", "period_end", "period_type", "calculation_method")}),
        ("For", {"fields": ("tenant_id", "dimensions")}),
        ("Record", {"fields": ("project", "id", "revision", "received_at")}),
    )
    readonly_fields = ("value",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[BusinessMetric], search_term: str
    ) -> tuple[QuerySet[BusinessMetric], bool]:
        identifier = as_uuid(search_term.strip())
        if identifier:
            return queryset.filter(id=identifier), False
        found: tuple[QuerySet[BusinessMetric], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    @admin.display(description="unit")
    def shown_unit(self, metric: BusinessMetric) -> str:
        return unit_text(metric.metric_unit) or figures.NOTHING

    @admin.display(description="value")
    def value(self, metric: BusinessMetric) -> SafeString:
        return format_html(
            '<span class="tabular-nums" title="{}">{}</span>',
            repr(metric.metric_value),
            figures.number(metric.metric_value),
        )
