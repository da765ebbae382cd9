"""OTLP metrics as points of metric series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from ingest.protocols.base import MAX_RECORDS, Decoded, FormatError, TooManyRecords
from ingest.protocols.otlp.beside import Beside
from ingest.protocols.otlp.distributions import (
    Measured,
    number_count,
    of_exponential_histogram,
    of_histogram,
    of_summary,
)
from ingest.protocols.otlp.envelopes import Contents
from ingest.protocols.otlp.labels import SeriesLabels
from ingest.protocols.otlp.messages import (
    ExponentialHistogramDataPoint,
    HistogramDataPoint,
    Message,
    MessageClass,
    Metric,
    NumberDataPoint,
    SummaryDataPoint,
)
from ingest.protocols.otlp.origins import OriginReader
from ingest.protocols.otlp.values import AttributeReader, BadRecord, moment, parsed
from metrics.metadata import MetadataRecord
from metrics.records import MetricType, PointRecord, Temporality
from metrics.series import MAX_LABEL_VALUE
from storage.texts import cut

NO_RECORDED_VALUE = 1
"""The flag of a point that says: the series ended here."""

_POINTS: dict[str, MessageClass] = {
    "gauge": NumberDataPoint,
    "sum": NumberDataPoint,
    "histogram": HistogramDataPoint,
    "exponential_histogram": ExponentialHistogramDataPoint,
    "summary": SummaryDataPoint,
}
_DISTRIBUTIONS: dict[str, Callable[[Message], Measured]] = {
    "histogram": of_histogram,
    "exponential_histogram": of_exponential_histogram,
    "summary": of_summary,
}
_TEMPORALITIES: dict[int, Temporality] = {1: "delta", 2: "cumulative"}


_kept_moment = lru_cache(maxsize=256)(moment)
"""The points of a request share a few times."""


def decode_metrics(contents: Sequence[Contents]) -> list[Decoded[Any]]:
    """The points as the first part, then exemplars and descriptions, whose places come after those of all points.

    Raises FormatError, TooManyRecords.
    """
    attributes = AttributeReader()
    points: Decoded[PointRecord] = Decoded("metrics")
    metrics = _metrics(contents, attributes)
    beside = Beside(sum(len(metric.points) for metric in metrics), attributes)
    index = 0
    for metric in metrics:
        beside.describe(metric.metadata())
        for raw in metric.points:
            try:
                record, exemplars = metric.read(raw)
                points.records.append((index, record))
                if exemplars:
                    beside.take_exemplars(exemplars, record)
            except BadRecord as error:
                points.errors.append(error.at(index))
            index += 1
    return [points, beside.exemplars, beside.metadata]


def _metrics(contents: Sequence[Contents], attributes: AttributeReader) -> list[_Metric]:
    """All that have points, so that they are counted before any is read."""
    found: list[_Metric] = []
    point_count = 0
    reader = OriginReader(attributes)
    for content in contents:
        labels = _labels(content, reader, attributes)
        for raw in content.records:
            try:
                metric = Metric.FromString(raw)
            except DecodeError:
                raise FormatError("A metric is not a valid protobuf message.", "metrics") from None
            kind = metric.WhichOneof("data")
            if kind is None:
                continue
            found.append(_Metric(metric, kind, labels, attributes))
            point_count += len(found[-1].points)
            if point_count > MAX_RECORDS:
                raise TooManyRecords
    return found


def _labels(content: Contents, reader: OriginReader, attributes: AttributeReader) -> SeriesLabels | BadRecord:
    """How labels are read below its resource and scope, or why none of their points can be taken."""
    try:
        origin = reader.read(content.resource, content.scope)
    except BadRecord as error:
        return error
    reader.share(origin, 1)
    return SeriesLabels(origin, attributes)


def _text(raw: bytes, field: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise BadRecord(field, f"the metric's {field} is not valid UTF-8") from None


def _type_of(kind: str, data: Message) -> tuple[MetricType, Temporality | None]:
    """What the points are here; a total that can fall as well, such as a queue's length, is a gauge."""
    if kind == "gauge":
        return "gauge", None
    if kind == "summary":
        return "histogram", "cumulative"
    temporality = _TEMPORALITIES.get(data.aggregation_temporality)
    if kind == "sum" and not data.is_monotonic:
        return "gauge", temporality if temporality == "delta" else None
    return "counter" if kind == "sum" else "histogram", temporality


class _Metric:
    """One metric of a request: what its points share, and how one of them becomes a record."""

    def __init__(
        self, metric: Message, kind: str, labels: SeriesLabels | BadRecord, attributes: AttributeReader
    ) -> None:
        data = getattr(metric, kind)
        self.points: Sequence[bytes] = data.data_points
        self._kind = kind
        self._message_class = _POINTS[kind]
        self._measure = _DISTRIBUTIONS.get(kind)
        self._whole_name = self._name = self._unit = self._description = ""
        self._type, self._temporality = _type_of(kind, data)
        self._attributes = attributes
        self._problem: BadRecord | None = None
        try:
            self._describe(metric, labels)
        except BadRecord as problem:
            self._problem = problem

    def metadata(self) -> MetadataRecord:
        return MetadataRecord(
            metric_name=self._name,
            metric_type="summary" if self._kind == "summary" else self._type,
            metric_unit=self._unit,
            description=self._description,
        )

    def read(self, raw: bytes) -> tuple[PointRecord, Sequence[bytes]]:
        """The record of a point and its exemplars. Raises BadRecord."""
        if self._problem:
            raise self._problem
        point = parsed(self._message_class, raw)
        record = self._described(point)
        if point.flags & NO_RECORDED_VALUE:
            record.stale = True
        elif self._measure is None:
            record.metric_value = point.as_double or _number(point)
        else:
            self._attributes.spend(number_count(point))
            measured = self._measure(point)
            self._attributes.log_buckets.spend(len(measured.distribution.buckets))
            _take(record, measured)
        return record, () if self._kind == "summary" else point.exemplars

    def _described(self, point: Message) -> PointRecord:
        """The record without what was measured."""
        start_nanos = point.start_time_unix_nano if self._temporality else 0
        labels = self._labels.read(point.attributes)
        if self._whole_name != self._name:
            labels = tuple(sorted((*labels, ("metric_name", self._whole_name))))
        return PointRecord(
            metric_name=self._name,
            metric_type=self._type,
            metric_unit=self._unit,
            timestamp=_kept_moment(point.time_unix_nano, "timestamp"),
            temporality=self._temporality,
            start_time=_kept_moment(start_nanos, "start_time") if start_nanos else None,
            labels=labels,
        )

    def _describe(self, metric: Message, labels: SeriesLabels | BadRecord) -> None:
        """Raises BadRecord for what is wrong with each point."""
        if isinstance(labels, BadRecord):
            raise labels
        self._labels = labels
        whole_name = _text(metric.name, "metric_name")
        unit, description = _text(metric.unit, "metric_unit"), _text(metric.description, "description")
        if not whole_name:
            raise BadRecord("metric_name", "the metric has no name", "required")
        if len(whole_name) > MAX_LABEL_VALUE:
            raise BadRecord("metric_name", f"the metric's name has more than {MAX_LABEL_VALUE:,} characters")
        if self._temporality is None and self._type != "gauge":
            raise BadRecord("temporality", "the aggregation temporality is neither delta nor cumulative")
        self._whole_name, self._name = whole_name, cut(whole_name)
        self._unit, self._description = cut(unit), description


def _number(point: Message) -> float:
    kind = point.WhichOneof("value")
    if kind is None:
        raise BadRecord("metric_value", "the point has no value", "required")
    return float(getattr(point, kind))


def _take(record: PointRecord, measured: Measured) -> None:
    record.distribution = measured.distribution
    record.histogram = measured.histogram
    for name, value in measured.percentiles.items():
        setattr(record, name, value)
