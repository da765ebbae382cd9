"""What OTLP sends beside points: exemplars, and what a metric means. Neither is counted as a data point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingest.protocols.base import Decoded
from ingest.protocols.otlp.messages import Exemplar, Message
from ingest.protocols.otlp.spans import SPAN_ID_BYTES, TRACE_ID_BYTES
from ingest.protocols.otlp.values import (
    UNITS_OF_PART,
    AttributeReader,
    BadRecord,
    moment,
    optional_hex_id,
    parsed,
)
from metrics.exemplars import ExemplarRecord
from metrics.metadata import MetadataRecord
from metrics.records import PointRecord


class Beside:
    """Collects them; `first_place` is the place of the first one in the request."""

    def __init__(self, first_place: int, attributes: AttributeReader) -> None:
        self.exemplars: Decoded[ExemplarRecord] = Decoded("exemplars")
        self.metadata: Decoded[MetadataRecord] = Decoded("metadata")
        self._attributes = attributes
        self._next_place = first_place

    def describe(self, record: MetadataRecord) -> None:
        """Take in what a metric is; without a name it is nothing."""
        if record.metric_name:
            self.metadata.records.append((self._place(), record))

    def take_exemplars(self, raws: Sequence[bytes], point: PointRecord) -> None:
        """The exemplars of a point, into its series. Raises TooManyRecords."""
        self._attributes.spend(UNITS_OF_PART * len(raws))
        tags = dict(point.labels or ())
        for raw in raws:
            place = self._place()
            try:
                self.exemplars.records.append(
                    (place, self._exemplar(parsed(Exemplar, raw, "exemplars"), point, tags))
                )
            except BadRecord as error:
                self.exemplars.errors.append(error.at(place))

    def _place(self) -> int:
        self._next_place += 1
        return self._next_place - 1

    def _exemplar(self, exemplar: Message, point: PointRecord, tags: dict[str, Any]) -> ExemplarRecord:
        kind = exemplar.WhichOneof("value")
        if kind is None:
            raise BadRecord("value", "an exemplar has no value", "required")
        return ExemplarRecord(
            metric_name=point.metric_name,
            metric_type=point.metric_type,
            metric_unit=point.metric_unit,
            tags=tags,
            timestamp=moment(exemplar.time_unix_nano, "timestamp"),
            value=float(getattr(exemplar, kind)),
            trace_id=optional_hex_id(exemplar.trace_id, TRACE_ID_BYTES, "trace_id") or "",
            span_id=optional_hex_id(exemplar.span_id, SPAN_ID_BYTES, "span_id") or "",
            attributes=self._attributes.read(exemplar.filtered_attributes),
        )
