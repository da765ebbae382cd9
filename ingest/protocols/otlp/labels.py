"""The labels of metric series, by the bytes they come in: a client sends those of each series with every request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from ingest.protocols.otlp.origins import Origin, merged
from ingest.protocols.otlp.values import AttributeReader, Attributes, BadRecord
from metrics.series import Labels, labels_of

MAX_KEPT_BYTES = 16_000_000
"""Of attributes whose labels are remembered, over all series; the labels themselves take some four times as much."""

_BYTES_OF_PAIR = 16
"""A quarter of a pair of references, so that labels of the resource count for each series that has them."""

_COPIED = {"service.name": "service_name", "host.name": "host_name", "service.instance.id": "instance_id"}
"""Resource attributes that have a column -> the label that column is a copy of."""

_NOT_LABELS = ("telemetry.", "process.", "os.", "host.")
"""Resource attributes that describe a series and don't tell it from another: they change with every restart or
update, and each change would begin a new series."""

_encode = msgspec.json.Encoder().encode


class LabelCache:
    """What this process has seen; forgets all of it when it has become too much."""

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        self._max_bytes = max_bytes
        self._byte_count = 0
        self._known: dict[tuple[bytes, bytes], dict[tuple[bytes, ...], Labels]] = {}

    def of(self, origin: Origin) -> dict[tuple[bytes, ...], Labels]:
        """What is known of an origin's series."""
        key = (origin.resource_bytes, origin.scope_bytes)
        if key not in self._known:
            self.grow(len(key[0]) + len(key[1]))
        return self._known.setdefault(key, {})

    def grow(self, byte_count: int) -> None:
        """Note that so much was remembered more."""
        # Threads may miss each other's sums; the limit needn't be exact.
        self._byte_count += byte_count
        if self._byte_count > self._max_bytes:
            self._byte_count = 0
            self._known = {}


_cache = LabelCache()


class SeriesLabels:
    """Labels of the series of one origin."""

    def __init__(self, origin: Origin, attributes: AttributeReader, cache: LabelCache = _cache) -> None:
        self._cache = cache
        self._attributes = attributes
        self._shared = _shared_labels(origin)
        self._shared_bytes = len(_encode(self._shared))
        self._known = cache.of(origin)

    def read(self, raws: Sequence[bytes]) -> Labels:
        """The labels of a point with these attributes. Raises BadRecord, TooManyRecords."""
        self._attributes.share(self._shared_bytes, len(self._shared))
        key = tuple(raws)
        found = self._known.get(key)
        if found is None:
            found = self._labels(self._attributes.read(key))
            self._known[key] = found
            self._cache.grow(sum(map(len, key)) + _BYTES_OF_PAIR * len(found))
        return found

    def _labels(self, attributes: Attributes) -> Labels:
        tags = {name: _scalar(value) for name, value in merged(self._shared, attributes).items()}
        try:
            return labels_of(tags, {})
        except ValueError as error:
            raise BadRecord("tags", str(error)) from None


def _shared_labels(origin: Origin) -> Attributes:
    """The labels that all series of an origin have."""
    shared: Attributes = {}
    for name, value in merged(origin.resource, origin.scope).items():
        if name in _COPIED:
            shared[_COPIED[name]] = value
        elif not name.startswith(_NOT_LABELS):
            shared[name] = value
    if origin.scope_name:
        shared["otel.scope.name"] = origin.scope_name
    return shared


def _scalar(value: Any) -> Any:
    """Lists and maps as JSON text: labels are texts."""
    return _encode(value).decode() if isinstance(value, (list, dict)) else value
