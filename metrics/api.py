from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from metrics.filters import BusinessMetricFilterSet, MetricPointFilterSet, MetricSeriesFilterSet
from metrics.models import BusinessMetric, MetricPoint, MetricSeries
from metrics.serializers import BusinessMetricSerializer, MetricPointSerializer, MetricSeriesSerializer
from projects.api.views import ProjectReadViewSet
from storage.ids import as_uuid

MAX_SERIES_ID = 2**63 - 1


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
        return _one(self, id=int(series_id))


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
        return _one(self, id=identifier)


def _one(view: ProjectReadViewSet, **identity: Any) -> Response:
    found = view.get_queryset().filter(**identity).first()
    if found is None:
        raise NotFound
    return Response(view.get_serializer(found).data)
