"""Remote write 1.0 and 2.0. Which of the two a request is, its Content-Type says alone."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from functools import partial
from typing import TypeVar

from google.protobuf.message import DecodeError
from google.protobuf.message import Message as ProtobufMessage

from ingest.protocols.base import MAX_RECORDS, Batch, Head, Refusal, TooManyRecords
from ingest.protocols.remote_write import answers, v1_pb2, v2_pb2
from ingest.protocols.remote_write.collecting import Collector, Metadata
from ingest.protocols.remote_write.framing import fields
from ingest.protocols.remote_write.labels import NAME, LabelError, Pairs, named
from ingest.protocols.remote_write.metric_types import series_names
from ingest.protocols.remote_write.symbols import Symbols
from storage.records import Answer, Outcome

MEDIA_TYPE = "application/x-protobuf"
ENCODING = "snappy"
MAX_SERIES_BYTES = 1_000_000
"""10,000 samples have 200 KB. The classes need up to seventy times as much for a moment."""

_V1, _V2 = v1_pb2.WriteRequest, v2_pb2.Request

MessageT = TypeVar("MessageT", bound=ProtobufMessage)


class _RemoteWrite:
    """What both versions share."""

    name = "prometheus"
    encodings = frozenset({ENCODING})
    schema: str
    """The full name of the version's message."""

    @property
    def media_types(self) -> tuple[str, ...]:
        return (f"{MEDIA_TYPE};proto={self.schema}",)

    def takes(self, head: Head) -> bool:
        """Whether the Content-Type names this version's message, and the body is snappy as both demand."""
        encoding = head.headers.get("content-encoding", "").strip().lower()
        return _schema(head) == self.schema and encoding == ENCODING

    def refuse(self, refusal: Refusal, head: Head) -> Answer:
        """In plain text. 1.0 senders expect 400 where 2.0 ones expect 415."""
        version = head.headers.get("x-prometheus-remote-write-version", "")
        is_v1 = _schema(head) == _V1.DESCRIPTOR.full_name or version.startswith("0.")
        return answers.refuse(refusal, is_v1=is_v1)


class RemoteWrite1(_RemoteWrite):
    """`prometheus.WriteRequest`."""

    schema = _V1.DESCRIPTOR.full_name

    def decode(self, body: bytes, head: Head) -> Batch:
        """Raises FormatError where the body is no such message, TooManyRecords past 10,000."""
        collector = Collector()
        for number, content in fields(body, MAX_RECORDS):
            if number == _V1.TIMESERIES_FIELD_NUMBER:
                _take(collector, v1_pb2.TimeSeries, content, partial(_take_series_1, collector))
            elif number == _V1.METADATA_FIELD_NUMBER:
                _take(collector, v1_pb2.MetricMetadata, content, partial(_take_metadata, collector))
        return collector.batch()

    def answer(self, batch: Batch, outcome: Outcome) -> Answer:
        """See answers.answer."""
        return answers.answer(batch.note, outcome, is_v1=True)


class RemoteWrite2(_RemoteWrite):
    """`io.prometheus.write.v2.Request`."""

    schema = _V2.DESCRIPTOR.full_name

    def decode(self, body: bytes, head: Head) -> Batch:
        """Raises FormatError where the body is no such message, TooManyRecords past 10,000."""
        texts: list[bytes] = []
        series: list[bytes] = []
        for number, content in fields(body):
            if number == _V2.SYMBOLS_FIELD_NUMBER:
                texts.append(content)
            elif number == _V2.TIMESERIES_FIELD_NUMBER:
                series.append(content)
                if len(series) > MAX_RECORDS:
                    raise TooManyRecords
        symbols, collector = Symbols(texts), Collector()
        for content in series:
            _take(collector, v2_pb2.TimeSeries, content, partial(_take_series_2, collector, symbols))
        return collector.batch()

    def answer(self, batch: Batch, outcome: Outcome) -> Answer:
        """See answers.answer."""
        return answers.answer(batch.note, outcome, is_v1=False)


def _schema(head: Head) -> str:
    """The message that the Content-Type speaks of; empty for another media type."""
    if head.media_type != MEDIA_TYPE:
        return ""
    header = Message()
    header["Content-Type"] = head.content_type
    return str(header.get_param("proto") or _V1.DESCRIPTOR.full_name)


def _take(
    collector: Collector, message: type[MessageT], content: bytes, taken: Callable[[MessageT], None]
) -> None:
    """One part of a request; one that can't be read is refused alone."""
    name = message.DESCRIPTOR.name
    if len(content) > MAX_SERIES_BYTES:
        collector.refuse_unread(f"a {name} has more than {MAX_SERIES_BYTES:,} bytes")
        return
    try:
        parsed = message.FromString(content)
    except DecodeError:
        collector.refuse_unread(f"a {name} can't be decoded, or a text in it is not valid UTF-8")
    else:
        taken(parsed)


def _take_series_1(collector: Collector, series: v1_pb2.TimeSeries) -> None:
    pairs = _pairs(series)
    try:
        known = named(pairs, is_utf8_allowed=False)
    except LabelError as error:
        collector.refuse_series(series, dict(pairs).get(NAME, ""), str(error))
    else:
        collector.add_series(series, known, Metadata(), _pairs)


def _pairs(labelled: v1_pb2.TimeSeries | v1_pb2.Exemplar) -> Pairs:
    return tuple((label.name, label.value) for label in labelled.labels)


def _take_metadata(collector: Collector, sent: v1_pb2.MetricMetadata) -> None:
    metadata = Metadata(sent.type, sent.unit, sent.help)
    for name in series_names(sent.metric_family_name, sent.type):
        collector.add_metadata(name, metadata)


def _take_series_2(collector: Collector, symbols: Symbols, series: v2_pb2.TimeSeries) -> None:
    try:
        sent = series.metadata
        metadata = Metadata(sent.type, symbols.text(sent.unit_ref), symbols.text(sent.help_ref))
        known = symbols.named(series.labels_refs)
        if bool(series.samples) == bool(series.histograms):
            which = "both samples and histograms" if series.samples else "neither samples nor histograms"
            raise LabelError(f"the series has {which}")
    except LabelError as error:
        collector.refuse_series(series, symbols.metric_name(series.labels_refs), str(error))
        return
    collector.add_series(series, known, metadata, lambda exemplar: symbols.pairs(exemplar.labels_refs))
    if metadata != Metadata():
        collector.add_metadata(known.metric_name, metadata)
