"""Remote write requests as a sender makes them."""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping, Sequence
from typing import Any

import cramjam

from ingest.protocols.remote_write import v1_pb2, v2_pb2
from tests.clients import ProjectClient

V1 = "application/x-protobuf"
V2 = "application/x-protobuf;proto=io.prometheus.write.v2.Request"
VERSIONS = {V1: "0.1.0", V2: "2.0.0"}
PATH = "/api/v1/write"
WRITTEN = tuple(
    f"X-Prometheus-Remote-Write-{kind}-Written" for kind in ("Samples", "Histograms", "Exemplars")
)
STALE = struct.unpack("<d", struct.pack("<Q", 0x7FF0000000000002))[0]

UP = {"__name__": "up", "instance": "web-1:9100", "job": "node"}

Labels = Mapping[str, str] | Sequence[tuple[str, str]]
"""A mapping is sent in the order that the specification wants, pairs as they are."""


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def pairs(labels: Labels) -> list[tuple[str, str]]:
    return sorted(labels.items()) if isinstance(labels, Mapping) else list(labels)


def snappy(body: bytes) -> bytes:
    return bytes(cramjam.snappy.compress_raw(body))


def series_1(
    labels: Labels,
    samples: Sequence[tuple[float, int]] = (),
    histograms: Sequence[v1_pb2.Histogram] = (),
    exemplars: Sequence[tuple[Labels, float, int]] = (),
) -> v1_pb2.TimeSeries:
    """`samples` are (value, ms), `exemplars` (labels, value, ms)."""
    return v1_pb2.TimeSeries(
        labels=labels_1(labels),
        samples=[v1_pb2.Sample(value=value, timestamp=moment) for value, moment in samples],
        histograms=histograms,
        exemplars=[
            v1_pb2.Exemplar(labels=labels_1(own), value=value, timestamp=moment)
            for own, value, moment in exemplars
        ],
    )


def labels_1(labels: Labels) -> list[v1_pb2.Label]:
    return [v1_pb2.Label(name=name, value=value) for name, value in pairs(labels)]


def request_1(*series: v1_pb2.TimeSeries, metadata: Sequence[v1_pb2.MetricMetadata] = ()) -> bytes:
    return v1_pb2.WriteRequest(timeseries=series, metadata=metadata).SerializeToString()


class Request2:
    """A request of 2.0 with its table of texts."""

    def __init__(self) -> None:
        self.message = v2_pb2.Request(symbols=[""])

    def ref(self, text: str) -> int:
        if text not in self.message.symbols:
            self.message.symbols.append(text)
        return list(self.message.symbols).index(text)

    def refs(self, labels: Labels) -> list[int]:
        return [self.ref(text) for pair in pairs(labels) for text in pair]

    def add(
        self,
        labels: Labels,
        samples: Sequence[tuple[float, int]] = (),
        histograms: Sequence[v2_pb2.Histogram] = (),
        exemplars: Sequence[tuple[Labels, float, int]] = (),
        *,
        start_ms: int = 0,
        metadata: tuple[v2_pb2.Metadata.MetricType, str, str] | None = None,
    ) -> v2_pb2.TimeSeries:
        """As `series_1`; `metadata` is (type, help, unit)."""
        series = self.message.timeseries.add(
            labels_refs=self.refs(labels),
            samples=[
                v2_pb2.Sample(value=value, timestamp=moment, start_timestamp=start_ms)
                for value, moment in samples
            ],
            histograms=histograms,
            exemplars=[
                v2_pb2.Exemplar(labels_refs=self.refs(own), value=value, timestamp=moment)
                for own, value, moment in exemplars
            ],
        )
        if metadata:
            kind, words, unit = metadata
            series.metadata.MergeFrom(
                v2_pb2.Metadata(type=kind, help_ref=self.ref(words), unit_ref=self.ref(unit))
            )
        return series

    def body(self) -> bytes:
        return self.message.SerializeToString()


def sample_1(value: float = 1.0, **labels: str) -> bytes:
    """A request of 1.0 with one sample of now."""
    return request_1(series_1({**UP, **labels}, [(value, now_ms())]))


def sample_2(value: float = 1.0, **labels: str) -> bytes:
    """The same in 2.0."""
    request = Request2()
    request.add({**UP, **labels}, [(value, now_ms())])
    return request.body()


def send(api: ProjectClient, body: bytes, content_type: str = V1, **headers: str) -> Any:
    """The answer to a message, compressed; headers as WSGI has them, CONTENT_TYPE and body as they are given."""
    return send_raw(api, snappy(body), content_type, **headers)


def send_raw(api: ProjectClient, body: bytes, content_type: str, **headers: str) -> Any:
    headers.setdefault("HTTP_CONTENT_ENCODING", "snappy")
    headers.setdefault("HTTP_X_PROMETHEUS_REMOTE_WRITE_VERSION", VERSIONS.get(content_type, "2.0.0"))
    return api.send("POST", PATH, body, CONTENT_TYPE=content_type, **headers)


def written(answer: Any) -> tuple[int, int, int]:
    """(samples, histograms, exemplars) that the answer to 2.0 tells."""
    samples, histograms, exemplars = (int(answer.headers[name]) for name in WRITTEN)
    return samples, histograms, exemplars


def points(api: ProjectClient, **filters: str) -> list[dict[str, Any]]:
    """What was stored, oldest first."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return api.results(f"/api/v1/metrics?{query}")[::-1]
