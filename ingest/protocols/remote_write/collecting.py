"""Series as they are sent become records: both versions differ in how they write labels and metadata only."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any

from ingest.protocols.base import MAX_RECORDS, Batch, Decoded, TooManyRecords
from ingest.protocols.budgets import MAX_LOG_BUCKETS, MAX_SHARED_BYTES, Budget
from ingest.protocols.remote_write import v1_pb2, v2_pb2
from ingest.protocols.remote_write.labels import (
    LabelError,
    Named,
    Pairs,
    character_count,
    exemplar_labels,
)
from ingest.protocols.remote_write.metric_types import TYPE_NAMES, sample_type
from ingest.protocols.remote_write.native_histograms import (
    GAUGE,
    AnyHistogram,
    distribution_of,
    number_count,
)
from metrics.exemplars import ExemplarRecord
from metrics.metadata import MetadataRecord
from metrics.records import MetricType, PointRecord
from storage.records import RecordError
from storage.texts import cut

STALE_BITS = 0x7FF0000000000002
"""The NaN that says that a series ended: any other NaN is a value."""

MAX_ID = 64

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_bits = struct.Struct("<Q").unpack
_double = struct.Struct("<d").pack

AnySeries = v1_pb2.TimeSeries | v2_pb2.TimeSeries
AnyExemplar = v1_pb2.Exemplar | v2_pb2.Exemplar


class Kind(IntEnum):
    """What an index of a request stands for; the first three are told in headers of 2.0."""

    SAMPLE = 0
    HISTOGRAM = 1
    EXEMPLAR = 2
    OTHER = 3


@dataclass(slots=True)
class Sent:
    """What the answer wants to know again: for each index its kind and the metric it belongs to."""

    kinds: bytearray = field(default_factory=bytearray)
    names: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Metadata:
    """Of one metric; `metric_type` by the numbers of `metric_types`."""

    metric_type: int = 0
    unit: str = ""
    description: str = ""


class Collector:
    """Records and errors of one request, each with an index of its own."""

    def __init__(self) -> None:
        self.sent = Sent()
        self._points: Decoded[PointRecord] = Decoded("metrics")
        self._exemplars: Decoded[ExemplarRecord] = Decoded("exemplars")
        self._metadata: Decoded[MetadataRecord] = Decoded("metadata")
        self._described: set[str] = set()
        self._shared = Budget(MAX_SHARED_BYTES)
        self._buckets = Budget(MAX_LOG_BUCKETS)

    def batch(self) -> Batch:
        parts: list[Decoded[Any]] = [self._points]
        parts += [part for part in (self._exemplars, self._metadata) if part.records or part.errors]
        return Batch(parts, self.sent)

    def add_series(
        self,
        series: AnySeries,
        named: Named,
        metadata: Metadata,
        labels_of_exemplar: Callable[[Any], Pairs],
    ) -> None:
        """Samples, histograms and exemplars of a series. Raises TooManyRecords.

        Exemplars of a series that has no good point are refused: nothing would lead to them.
        """
        self._shared.spend(named.character_count)
        before = len(self._points.records)
        kind_of_samples = sample_type(named.metric_name, metadata.metric_type)
        for sample in series.samples:
            self._add_point(Kind.SAMPLE, sample, named, kind_of_samples, metadata.unit)
        for histogram in series.histograms:
            self._add_point(Kind.HISTOGRAM, histogram, named, "histogram", metadata.unit)
        metric_type: MetricType = "histogram" if series.histograms else kind_of_samples
        if len(self._points.records) == before and (series.samples or series.histograms):
            for _ in series.exemplars:
                self._refuse_next(
                    Kind.EXEMPLAR, named.metric_name, "invalid_series", "no sample of it is valid"
                )
            return
        for exemplar in series.exemplars:
            self._add_exemplar(exemplar, named, metric_type, labels_of_exemplar)

    def refuse_unread(self, message: str) -> None:
        """One error for a part of the request that can't be read."""
        self._refuse_next(Kind.OTHER, "", "malformed", message)

    def refuse_series(self, series: AnySeries, name: str, message: str) -> None:
        """An error for each sample, histogram and exemplar of a series, at least one."""
        counts = (len(series.samples), len(series.histograms), len(series.exemplars))
        for kind, count in zip(Kind, counts, strict=False):
            for _ in range(count):
                self._refuse_next(kind, name, "invalid_series", message)
        if not any(counts):
            self._refuse_next(Kind.OTHER, name, "invalid_series", message)

    def add_metadata(self, metric_name: str, metadata: Metadata) -> None:
        """The first of a metric's; the others of a request say the same."""
        name = cut(metric_name)
        if name in self._described:
            return
        self._described.add(name)
        self._shared.spend(len(metadata.description))
        index = self._place(Kind.OTHER, name)
        if not name:
            self._refuse(index, Kind.OTHER, "metadata", "required", "metadata names no metric")
            return
        record = MetadataRecord(
            metric_name=name,
            metric_type=TYPE_NAMES.get(metadata.metric_type, ""),
            metric_unit=cut(metadata.unit),
            description=metadata.description,
        )
        self._metadata.records.append((index, record))

    def _place(self, kind: Kind, name: str) -> int:
        """The next index."""
        index = len(self.sent.kinds)
        if index >= MAX_RECORDS:
            raise TooManyRecords
        self.sent.kinds.append(kind)
        self.sent.names.append(cut(name))
        return index

    def _refuse(self, index: int, kind: Kind, name: str, code: str, message: str) -> None:
        part: Decoded[Any] = self._exemplars if kind is Kind.EXEMPLAR else self._points
        part.errors.append(RecordError(index, name, code, message))

    def _refuse_next(self, kind: Kind, name: str, code: str, message: str) -> None:
        self._refuse(self._place(kind, name), kind, "labels", code, message)

    def _add_point(self, kind: Kind, sent: Any, named: Named, metric_type: MetricType, unit: str) -> None:
        index = self._place(kind, named.metric_name)
        record = PointRecord(
            metric_name=named.metric_name,
            metric_type=metric_type,
            metric_unit=cut(unit),
            labels=named.labels,
            service_name=named.service_name,
            instance_id=named.instance_id,
        )
        try:
            record.timestamp = _time(sent.timestamp)
            if started := getattr(sent, "start_timestamp", 0):
                record.start_time = _time(started)
            if kind is Kind.HISTOGRAM:
                self._measure_histogram(record, sent)
            else:
                _measure_sample(record, sent.value)
        except TooManyRecords:  # a ValueError, too, but of the whole request
            raise
        except ValueError as error:
            self._refuse(index, kind, kind.name.lower(), "invalid", str(error))
        else:
            self._points.records.append((index, record))

    def _add_exemplar(
        self,
        exemplar: AnyExemplar,
        named: Named,
        metric_type: MetricType,
        labels_of_exemplar: Callable[[Any], Pairs],
    ) -> None:
        index = self._place(Kind.EXEMPLAR, named.metric_name)
        try:
            labels = exemplar_labels(labels_of_exemplar(exemplar))
            self._shared.spend(character_count(labels))
            record = _exemplar_record(exemplar, labels, named, metric_type)
        except TooManyRecords:  # a ValueError, too, but of the whole request
            raise
        except ValueError as error:
            code = "invalid_label" if isinstance(error, LabelError) else "invalid"
            self._refuse(index, Kind.EXEMPLAR, "exemplar", code, str(error))
        else:
            self._exemplars.records.append((index, record))

    def _measure_histogram(self, record: PointRecord, histogram: AnyHistogram) -> None:
        if is_stale(histogram.sum):
            record.stale = True
            return
        self._buckets.spend(number_count(histogram))
        record.distribution, record.histogram = distribution_of(histogram)
        self._buckets.spend(len(record.distribution.buckets))
        if histogram.reset_hint != GAUGE:
            record.temporality = "cumulative"


def is_stale(value: float) -> bool:
    """Whether a value is the marker that ends a series; only its bits tell it from other NaNs."""
    return value != value and _bits(_double(value))[0] == STALE_BITS  # noqa: PLR0124 - the quickest test for a NaN


def _time(milliseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError(f"the timestamp {milliseconds} is outside the years 1 to 9999") from None


def _measure_sample(record: PointRecord, value: float) -> None:
    if is_stale(value):
        record.stale = True
    else:
        record.metric_value = value
        if record.start_time is not None:
            record.temporality = "cumulative"


def _exemplar_record(
    exemplar: AnyExemplar, labels: dict[str, str], named: Named, metric_type: MetricType
) -> ExemplarRecord:
    """Raises ValueError for an exemplar without a time or with an id that is none."""
    if not exemplar.timestamp:
        raise ValueError("the exemplar has no timestamp")
    ids = {name: labels.pop(name, "") for name in ("trace_id", "span_id")}
    if any(len(text) > MAX_ID for text in ids.values()):
        raise ValueError(f"the exemplar has an id of more than {MAX_ID} characters")
    return ExemplarRecord(
        metric_name=named.metric_name,
        metric_type=metric_type,
        tags=dict(named.labels),
        timestamp=_time(exemplar.timestamp),
        value=exemplar.value,
        trace_id=ids["trace_id"],
        span_id=ids["span_id"],
        attributes=dict(labels),
    )
