from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics.chart_parameters import ChartParameters, chart_window
from metrics.charting import Points, Question, chart
from metrics.filters import (
    BusinessMetricFilterSet,
    MetricExemplarFilterSet,
    MetricPointFilterSet,
    MetricSeriesFilterSet,
)
from metrics.lines import Line, lines_of
from metrics.models import BusinessMetric, MetricExemplar, MetricPoint, MetricSeries, MetricType
from metrics.queries import describe
from metrics.serializers import (
    CHART_SCHEMA,
    BusinessMetricSerializer,
    MetricExemplarSerializer,
    MetricPointSerializer,
    MetricSeriesSerializer,
    json_value,
)
from metrics.series import MAX_SERIES_ID
from projects.api.authentication import KeyRateThrottle, project_id_of
from projects.api.errors import BadRequest
from projects.api.views import ProjectReadViewSet
from storage.ids import as_uuid

MAX_LINES = 100
MAX_CHARTED_SERIES = 10_000


class MetricPointViewSet(ProjectReadViewSet):
    """Points of all series of the key's project, newest first."""

    model = MetricPoint
    keyset = ("timestamp", "series_id")
    serializer_class = MetricPointSerializer
    filterset_class = MetricPointFilterSet

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("series")


class MetricSeriesViewSet(ProjectReadViewSet):
    """Series of the key's project, the newest first."""

    model = MetricSeries
    keyset = ("created_at", "id")
    serializer_class = MetricSeriesSerializer
    filterset_class = MetricSeriesFilterSet

    def retrieve(self, request: Request, series_id: str) -> Response:
        is_number = series_id.isascii() and series_id.isdigit() and len(series_id) <= len(str(MAX_SERIES_ID))
        if not is_number or int(series_id) > MAX_SERIES_ID:
            raise NotFound
        found = _found(self, id=int(series_id))
        describe(found.project_id, [found])
        return Response(self.get_serializer(found).data)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        describe(project_id_of(self.request), page or ())
        return page


class MetricExemplarViewSet(ProjectReadViewSet):
    """Measurements that lead from a metric to its traces, newest first."""

    model = MetricExemplar
    keyset = ("timestamp", "series_id", "trace_id", "span_id")
    serializer_class = MetricExemplarSerializer
    filterset_class = MetricExemplarFilterSet

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("series")


class BusinessMetricViewSet(ProjectReadViewSet):
    """Business metrics of the key's project, newest `period_end` first."""

    model = BusinessMetric
    keyset = ("period_end", "id")
    serializer_class = BusinessMetricSerializer
    filterset_class = BusinessMetricFilterSet

    def retrieve(self, request: Request, metric_id: str) -> Response:
        identifier = as_uuid(metric_id)
        if identifier is None:
            raise NotFound
        return Response(self.get_serializer(_found(self, id=identifier)).data)


def _found(view: ProjectReadViewSet, **identity: Any) -> Any:
    found = view.get_queryset().filter(**identity).first()
    if found is None:
        raise NotFound
    return found


class MetricChartView(APIView):
    """A metric over time."""

    throttle_classes = [KeyRateThrottle]

    @extend_schema(
        operation_id="metric_chart",
        tags=["metric-chart"],
        parameters=[ChartParameters],
        responses={200: CHART_SCHEMA},
    )
    def get(self, request: Request) -> Response:
        """The series of a metric, aggregated by time and labels: at most 100 lines of 1,000 points."""
        parameters = ChartParameters(data=request.query_params.dict())
        parameters.is_valid(raise_exception=True)
        given, now = parameters.validated_data, timezone.now()
        window = chart_window(given.get("start"), given.get("end"), given["interval"], now)
        project_id, aggregation = project_id_of(request), given["aggregation"]
        series = _charted_series(project_id, parameters.filters())
        has_histograms = any(one.metric_type == MetricType.HISTOGRAM for one in series)
        lines = lines_of(series, given["group_by"])
        shown = lines[:MAX_LINES]
        by_series = {series_id: number for number, line in enumerate(shown) for series_id in line.series_ids}
        found = chart(Question(project_id, by_series, window, aggregation, has_histograms), now)
        units = {unit for line in shown for unit in line.units}
        return Response(
            {
                "interval_seconds": int(window.interval.total_seconds()),
                "aggregation": aggregation,
                "unit": units.pop() if len(units) == 1 else "",
                "series": [
                    _drawn(line, found[number]) for number, line in enumerate(shown) if number in found
                ],
                "truncated": len(lines) > MAX_LINES,
            }
        )


def _charted_series(project_id: int, filters: dict[str, str]) -> list[MetricSeries]:
    everything = MetricSeries.objects.filter(project_id=project_id)
    chosen = MetricSeriesFilterSet(filters, everything).qs.only("id", "labels", "metric_type", "unit")
    found: list[MetricSeries] = list(chosen[: MAX_CHARTED_SERIES + 1])
    if len(found) > MAX_CHARTED_SERIES:
        raise BadRequest(
            f"More than {MAX_CHARTED_SERIES:,} series have this name; choose some by their labels.",
            code="too_many_series",
        )
    return found


def _drawn(line: Line, points: Points) -> dict[str, Any]:
    return {"labels": line.labels, "points": [[moment, json_value(value)] for moment, value in points]}
